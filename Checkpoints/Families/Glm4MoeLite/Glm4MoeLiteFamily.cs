using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Families.Glm;
using GlmCluster.Checkpoints.Families.Glm4Moe;
using GlmCluster.Checkpoints.Files;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Families.Glm4MoeLite;

/// <summary><c>glm4_moe_lite</c>: latent attention, and the experts of <c>glm4_moe</c>.</summary>
public sealed class Glm4MoeLiteFamily : DecoderFamily
{
    private Glm4MoeLiteFamily()
    {
    }

    public static DecoderFamily Instance { get; } = new Glm4MoeLiteFamily();

    public override string ModelType => "glm4_moe_lite";

    public override string Models => "GLM-4.7-Flash";

    internal override DecoderConfiguration ReadConfiguration(JsonKeys keys)
    {
        var latent = new LatentConfiguration(
            keys.Integer("q_lora_rank", 1, DecoderLimits.Width),
            keys.Integer("kv_lora_rank", 1, DecoderLimits.HeadDim),
            keys.Integer("qk_nope_head_dim", 1, DecoderLimits.HeadDim),
            keys.Integer("qk_rope_head_dim", 2, DecoderLimits.HeadDim),
            keys.Integer("v_head_dim", 1, DecoderLimits.HeadDim));
        if (latent.RotaryDim % 2 != 0)
        {
            throw keys.Refuse("qk_rope_head_dim", "an even number");
        }

        if (latent.CachedWidth > DecoderLimits.HeadDim)
        {
            throw keys.Refuse("kv_lora_rank", $"at most {DecoderLimits.HeadDim} together with qk_rope_head_dim");
        }

        // A head_dim in the file may mean anything; a head is its two parts together.
        DecoderConfiguration configuration = GlmKeys.Read(keys, this, latent.PlainDim + latent.RotaryDim, latent.RotaryDim);
        if (configuration.RotaryScaling is not null)
        {
            throw keys.Refuse("rope_parameters", "\"default\" rotary positions");
        }

        return configuration with
        {
            Latent = latent,
            RotaryPairing = keys.Flag("rope_interleave", absent: true) ? RotaryPairing.Interleaved : RotaryPairing.HalfSplit,
            Experts = ExpertKeys.Read(keys, configuration.Layers),
        };
    }

    internal override DecoderLayout CreateLayout(DecoderConfiguration configuration) =>
        GlmLayout.Create(configuration, (index, prefix) => new LayerTensors<TensorSlot>(
            GlmLayout.Norm(configuration, prefix + "input_layernorm"),
            Attention(configuration, configuration.Latent!, prefix + "self_attn."),
            AttentionOutputNorm: null,
            GlmLayout.Norm(configuration, prefix + "post_attention_layernorm"),
            ExpertLayout.FeedForward(configuration, index, prefix + "mlp."),
            FeedForwardOutputNorm: null));

    private static LatentAttentionTensors<TensorSlot> Attention(DecoderConfiguration c, LatentConfiguration latent, string prefix)
    {
        LinearTensors<TensorSlot> Down(string name, int rows) => new(
            [new TensorSlot($"{prefix}{name}.weight", TensorRole.Matrix, [rows, c.HiddenSize])],
            c.QkvBias ? [new TensorSlot($"{prefix}{name}.bias", TensorRole.Bias, [rows])] : []);
        LinearTensors<TensorSlot> Matrix(string name, long rows, long columns) =>
            new(new TensorSlot($"{prefix}{name}.weight", TensorRole.Matrix, [rows, columns]));
        NormTensors<TensorSlot> Norm(string name, int width) => new(new TensorSlot($"{prefix}{name}.weight", TensorRole.Norm, [width]));
        return new LatentAttentionTensors<TensorSlot>(
            Down("q_a_proj", latent.QueryWidth),
            Norm("q_a_layernorm", latent.QueryWidth),
            Matrix("q_b_proj", c.Heads * c.HeadDim, latent.QueryWidth),
            Down("kv_a_proj_with_mqa", latent.CachedWidth),
            Norm("kv_a_layernorm", latent.LatentWidth),
            Matrix("kv_b_proj", c.Heads * (latent.PlainDim + latent.ValueDim), latent.LatentWidth),
            new LinearTensors<TensorSlot>(
                [new TensorSlot(prefix + "o_proj.weight", TensorRole.Matrix, [c.HiddenSize, c.Heads * latent.ValueDim])],
                c.QkvBias ? [new TensorSlot(prefix + "o_proj.bias", TensorRole.Bias, [c.HiddenSize])] : []));
    }
}
