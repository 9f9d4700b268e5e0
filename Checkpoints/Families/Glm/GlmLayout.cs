using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Families.Glm;

/// <summary>Tensor names of Hugging Face transformers: q, k and v are three matrices, gate and up are one.</summary>
internal static class GlmLayout
{
    public static DecoderLayout Create(DecoderConfiguration c, bool outputNorms) => Create(c, (_, prefix) =>
    {
        NormTensors<TensorSlot>? OutputNorm(string name) => outputNorms ? Norm(c, prefix + name) : null;
        return new LayerTensors<TensorSlot>(
            Norm(c, prefix + "input_layernorm"),
            Attention(c, prefix + "self_attn."),
            OutputNorm("post_self_attn_layernorm"),
            Norm(c, prefix + "post_attention_layernorm"),
            FeedForward(c, prefix + "mlp."),
            OutputNorm("post_mlp_layernorm"));
    });

    /// <summary>The frame around the layers.</summary>
    /// <param name="createLayer">Makes a layer from its index and the prefix of its tensors' names.</param>
    public static DecoderLayout Create(DecoderConfiguration c, Func<int, string, LayerTensors<TensorSlot>> createLayer) => new(
        new TensorSlot("model.embed_tokens.weight", TensorRole.Matrix, [c.VocabularySize, c.HiddenSize]),
        new TensorSlot("lm_head.weight", TensorRole.Matrix, [c.VocabularySize, c.HiddenSize]),
        Norm(c, "model.norm"),
        [.. Enumerable.Range(0, c.Layers).Select(index => createLayer(index, $"model.layers.{index}."))]);

    public static NormTensors<TensorSlot> Norm(DecoderConfiguration c, string name) =>
        new(new TensorSlot(name + ".weight", TensorRole.Norm, [c.HiddenSize]));

    public static AttentionTensors<TensorSlot> Attention(DecoderConfiguration c, string prefix)
    {
        long queryRows = c.Heads * c.HeadDim;
        (string Name, long Rows)[] parts = [("q", queryRows), ("k", c.KvHeads * c.HeadDim), ("v", c.KvHeads * c.HeadDim)];
        NormTensors<TensorSlot>? HeadNorm(string name) =>
            c.HeadNorms ? new(new TensorSlot($"{prefix}{name}.weight", TensorRole.Norm, [c.HeadDim])) : null;
        return new GroupedAttentionTensors<TensorSlot>(
            new LinearTensors<TensorSlot>(
                [.. parts.Select(part => new TensorSlot($"{prefix}{part.Name}_proj.weight", TensorRole.Matrix, [part.Rows, c.HiddenSize]))],
                c.QkvBias ? [.. parts.Select(part => new TensorSlot($"{prefix}{part.Name}_proj.bias", TensorRole.Bias, [part.Rows]))] : []),
            new LinearTensors<TensorSlot>(new TensorSlot(prefix + "o_proj.weight", TensorRole.Matrix, [c.HiddenSize, queryRows])),
            HeadNorm("q_norm"),
            HeadNorm("k_norm"));
    }

    private static GatedFeedForwardTensors<TensorSlot> FeedForward(DecoderConfiguration c, string prefix) => new(
        new LinearTensors<TensorSlot>(new TensorSlot(prefix + "gate_up_proj.weight", TensorRole.Matrix, [2 * c.FeedForwardSize, c.HiddenSize])),
        new LinearTensors<TensorSlot>(new TensorSlot(prefix + "down_proj.weight", TensorRole.Matrix, [c.HiddenSize, c.FeedForwardSize])));
}
