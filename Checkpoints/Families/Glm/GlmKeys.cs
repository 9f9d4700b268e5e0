using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Families.Glm;

/// <summary>Reads the spelling of Hugging Face transformers, with rotary keys at the top of <c>config.json</c> or in <c>rope_parameters</c>.</summary>
internal static class GlmKeys
{
    /// <summary>Share of a head that is rotated where the file does not say.</summary>
    private const double DefaultPartialRotaryFactor = 0.5;

    private const double DefaultRotaryBase = 10000;

    public static DecoderConfiguration Read(JsonKeys keys, DecoderFamily family)
    {
        int headDim = keys.Integer("head_dim", 1, DecoderLimits.HeadDim);
        return Read(keys, family, headDim, RotaryDim(keys, headDim));
    }

    /// <summary>Reads what does not say how wide a head is.</summary>
    public static DecoderConfiguration Read(JsonKeys keys, DecoderFamily family, int headDim, int rotaryDim)
    {
        if (keys.Text("hidden_act") is not (null or "silu"))
        {
            throw keys.Refuse("hidden_act", "\"silu\"");
        }

        int heads = keys.Integer("num_attention_heads", 1, DecoderLimits.Heads);
        int vocabularySize = keys.Integer("vocab_size", 1, DecoderLimits.VocabularySize);
        int contextTokens = keys.Integer("max_position_embeddings", 1, DecoderLimits.ContextTokens);
        YarnRotaryScaling? scaling = RotaryScalingKeys.Read(keys, contextTokens);
        return new DecoderConfiguration
        {
            Family = family,
            Layers = keys.Integer("num_hidden_layers", 1, DecoderLimits.Layers),
            HiddenSize = keys.Integer("hidden_size", 1, DecoderLimits.Width),
            FeedForwardSize = keys.Integer("intermediate_size", 1, DecoderLimits.Width),
            Heads = heads,
            KvHeads = DecoderLimits.KvHeads(keys, "num_key_value_heads", heads),
            HeadDim = headDim,
            VocabularySize = vocabularySize,
            ContextTokens = RotaryScalingKeys.StretchedContext(scaling, contextTokens),
            NormEpsilon = DecoderLimits.NormEpsilon(keys, "rms_norm_eps"),
            RotaryDim = rotaryDim,
            RotaryBase = Holder(keys, "rope_theta").Number("rope_theta", 1, DecoderLimits.RotaryBase, DefaultRotaryBase),
            RotaryScaling = scaling,
            QkvBias = keys.Flag("attention_bias", absent: false),
            TiedHead = keys.Flag("tie_word_embeddings", absent: false),
            StopIds = [.. keys.Integers("eos_token_id", 0, vocabularySize - 1)],
        };
    }

    private static int RotaryDim(JsonKeys keys, int headDim)
    {
        const string Key = "partial_rotary_factor";
        JsonKeys holder = Holder(keys, Key);
        return DecoderLimits.RotaryDim(holder, Key, headDim, holder.Number(Key, 0, 1, DefaultPartialRotaryFactor));
    }

    /// <summary>The object that has a rotary key: <c>rope_parameters</c> wins over the top level.</summary>
    private static JsonKeys Holder(JsonKeys keys, string key) => keys.Object("rope_parameters") is JsonKeys inner && inner.Has(key) ? inner : keys;
}
