using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Families.Glm;

/// <summary>Reads <c>rope_scaling</c>, or the same keys in <c>rope_parameters</c> of newer files.</summary>
/// <remarks>Keys and defaults: modeling_rope_utils.py of Hugging Face transformers.</remarks>
internal static class RotaryScalingKeys
{
    private const double MostFactor = 1024;

    /// <param name="contextTokens"><c>max_position_embeddings</c>.</param>
    public static YarnRotaryScaling? Read(JsonKeys keys, int contextTokens) =>
        ReadFrom(keys.Object("rope_parameters"), contextTokens) ?? ReadFrom(keys.Object("rope_scaling"), contextTokens);

    /// <summary>The context with scaling: published files leave <c>max_position_embeddings</c> at what the model was trained for.</summary>
    public static int StretchedContext(YarnRotaryScaling? yarn, int contextTokens) => yarn is not null
        ? (int)Math.Clamp(yarn.Factor * yarn.OriginalContextTokens, contextTokens, DecoderLimits.ContextTokens)
        : contextTokens;

    private static YarnRotaryScaling? ReadFrom(JsonKeys? rotary, int contextTokens)
    {
        // Older files say "type".
        string key = rotary?.Has("rope_type") == true ? "rope_type" : "type";
        return rotary?.Text(key) switch
        {
            null or "default" => null,
            "yarn" => ReadYarn(rotary, contextTokens),
            _ => throw rotary.Refuse(key, "\"default\", \"yarn\""),
        };
    }

    private static YarnRotaryScaling ReadYarn(JsonKeys rotary, int contextTokens)
    {
        double factor = rotary.Number("factor", 1, MostFactor);
        return new YarnRotaryScaling(
            factor,
            rotary.Integer("original_max_position_embeddings", 1, DecoderLimits.ContextTokens, absent: contextTokens),
            rotary.Number("beta_fast", 0.001, 1000, absent: 32),
            rotary.Number("beta_slow", 0.001, 1000, absent: 1),
            AttentionFactor(rotary, factor),
            Truncates: rotary.Flag("truncate", absent: true));
    }

    private static double? AttentionFactor(JsonKeys rotary, double factor)
    {
        if (rotary.Has("attention_factor"))
        {
            return rotary.Number("attention_factor", 0.001, 1000);
        }

        double scale = rotary.Number("mscale", 0, 1000, absent: 0);
        double scaleAll = rotary.Number("mscale_all_dim", 0, 1000, absent: 0);
        return scale > 0 && scaleAll > 0 ? Magnitude(scale) / Magnitude(scaleAll) : null;

        double Magnitude(double scale) => (0.1 * scale * Math.Log(factor)) + 1;
    }
}
