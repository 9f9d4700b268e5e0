using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Families.Glm;
using GlmCluster.Checkpoints.Files;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Families.Glm4Moe;

/// <summary><c>glm4_moe</c>: experts chosen by sigmoid scores, halves of a head rotated together. Prediction layers behind the last are not read.</summary>
public sealed class Glm4MoeFamily : DecoderFamily
{
    private Glm4MoeFamily()
    {
    }

    public static DecoderFamily Instance { get; } = new Glm4MoeFamily();

    public override string ModelType => "glm4_moe";

    public override string Models => "GLM-4.5, GLM-4.5-Air, GLM-4.6, GLM-4.7";

    internal override DecoderConfiguration ReadConfiguration(JsonKeys keys)
    {
        DecoderConfiguration configuration = GlmKeys.Read(keys, this) with
        {
            RotaryPairing = RotaryPairing.HalfSplit,
            HeadNorms = keys.Flag("use_qk_norm", absent: false),
        };
        return configuration with { Experts = ExpertKeys.Read(keys, configuration.Layers) };
    }

    internal override DecoderLayout CreateLayout(DecoderConfiguration configuration) => GlmLayout.Create(configuration, (index, prefix) => new LayerTensors<TensorSlot>(
        GlmLayout.Norm(configuration, prefix + "input_layernorm"),
        GlmLayout.Attention(configuration, prefix + "self_attn."),
        AttentionOutputNorm: null,
        GlmLayout.Norm(configuration, prefix + "post_attention_layernorm"),
        ExpertLayout.FeedForward(configuration, index, prefix + "mlp."),
        FeedForwardOutputNorm: null));
}
