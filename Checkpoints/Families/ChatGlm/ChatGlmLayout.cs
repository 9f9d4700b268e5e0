using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Families.ChatGlm;

/// <summary>Tensor names of the <c>chatglm</c> remote code (ChatGLM2, ChatGLM3, GLM-4-9B): q, k and v are one matrix.</summary>
internal static class ChatGlmLayout
{
    public static DecoderLayout Create(DecoderConfiguration c) => new(
        new TensorSlot("transformer.embedding.word_embeddings.weight", TensorRole.Matrix, [c.VocabularySize, c.HiddenSize]),
        new TensorSlot("transformer.output_layer.weight", TensorRole.Matrix, [c.VocabularySize, c.HiddenSize]),
        Norm(c, "transformer.encoder.final_layernorm"),
        [.. Enumerable.Range(0, c.Layers).Select(index => CreateLayer(c, $"transformer.encoder.layers.{index}."))]);

    private static LayerTensors<TensorSlot> CreateLayer(DecoderConfiguration c, string prefix)
    {
        long queryRows = c.Heads * c.HeadDim;
        long packedRows = queryRows + (2 * c.KvHeads * c.HeadDim);
        string packed = prefix + "self_attention.query_key_value";
        return new LayerTensors<TensorSlot>(
            Norm(c, prefix + "input_layernorm"),
            new GroupedAttentionTensors<TensorSlot>(
                new LinearTensors<TensorSlot>(
                    [new TensorSlot(packed + ".weight", TensorRole.Matrix, [packedRows, c.HiddenSize])],
                    c.QkvBias ? [new TensorSlot(packed + ".bias", TensorRole.Bias, [packedRows])] : []),
                Linear(prefix + "self_attention.dense", c.HiddenSize, queryRows)),
            AttentionOutputNorm: null,
            Norm(c, prefix + "post_attention_layernorm"),
            new GatedFeedForwardTensors<TensorSlot>(
                Linear(prefix + "mlp.dense_h_to_4h", 2 * c.FeedForwardSize, c.HiddenSize),
                Linear(prefix + "mlp.dense_4h_to_h", c.HiddenSize, c.FeedForwardSize)),
            FeedForwardOutputNorm: null);
    }

    private static LinearTensors<TensorSlot> Linear(string name, long rows, long columns) =>
        new(new TensorSlot(name + ".weight", TensorRole.Matrix, [rows, columns]));

    private static NormTensors<TensorSlot> Norm(DecoderConfiguration c, string name) =>
        new(new TensorSlot(name + ".weight", TensorRole.Norm, [c.HiddenSize]));
}
