using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Families.ChatGlm;

/// <summary>Reads the <c>chatglm</c> spelling of <c>config.json</c>: the remote-code layout of ChatGLM2, ChatGLM3 and GLM-4-9B.</summary>
internal static class ChatGlmKeys
{
    /// <summary>The remote code's rotary base before <c>rope_ratio</c>.</summary>
    private const double BaseOfRatioOne = 10000;

    public static DecoderConfiguration Read(JsonKeys keys, DecoderFamily family)
    {
        RefuseOtherGraphs(keys);
        int heads = keys.Integer("num_attention_heads", 1, DecoderLimits.Heads);
        int headDim = keys.Integer("kv_channels", 1, DecoderLimits.HeadDim);
        int vocabularySize = keys.Integer("padded_vocab_size", 1, DecoderLimits.VocabularySize);
        double ratio = keys.Number("rope_ratio", 0.001, 1_000_000, absent: 1);

        // In this one model the ratio divides positions; in all later ones it multiplies the base.
        bool interpolates = keys.Text("_name_or_path")?.Contains("chatglm2-6b-32k", StringComparison.OrdinalIgnoreCase) == true;
        return new DecoderConfiguration
        {
            Family = family,
            Layers = keys.Integer("num_layers", 1, DecoderLimits.Layers),
            HiddenSize = keys.Integer("hidden_size", 1, DecoderLimits.Width),
            FeedForwardSize = keys.Integer("ffn_hidden_size", 1, DecoderLimits.Width),
            Heads = heads,
            KvHeads = DecoderLimits.KvHeads(keys, "multi_query_group_num", heads),
            HeadDim = headDim,
            VocabularySize = vocabularySize,
            ContextTokens = keys.Integer("seq_length", 1, DecoderLimits.ContextTokens),
            NormEpsilon = DecoderLimits.NormEpsilon(keys, "layernorm_epsilon"),
            RotaryDim = DecoderLimits.RotaryDim(keys, "kv_channels", headDim, 0.5),
            RotaryBase = interpolates ? BaseOfRatioOne : BaseOfRatioOne * ratio,
            RotaryScaling = interpolates && ratio != 1 ? new LinearRotaryScaling(ratio) : null,
            QkvBias = keys.Flag("add_qkv_bias", absent: false),
            QuantizationBits = ChatGlmReleaseKeys.QuantizationBits(keys),
            TiedHead = keys.Flag("tie_word_embeddings", absent: false),
            StopIds = [.. keys.Integers("eos_token_id", 0, vocabularySize - 1)],
        };
    }

    private static void RefuseOtherGraphs(JsonKeys keys)
    {
        ChatGlmReleaseKeys.RefuseOthers(keys);

        // Absent flags have the defaults of the remote code's configuration class.
        RequireFlag(keys, "multi_query_attention", absent: false, required: true);
        RequireFlag(keys, "rmsnorm", absent: true, required: true);
        RequireFlag(keys, "post_layer_norm", absent: true, required: true);
        RequireFlag(keys, "add_bias_linear", absent: false, required: false);
        RequireFlag(keys, "apply_residual_connection_post_layernorm", absent: false, required: false);
    }

    private static void RequireFlag(JsonKeys keys, string key, bool absent, bool required)
    {
        if (keys.Flag(key, absent) != required)
        {
            throw keys.Refuse(key, required ? "true" : "false");
        }
    }
}
