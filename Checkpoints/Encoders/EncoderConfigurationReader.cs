using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Encoders;

/// <summary>Reads <c>config.json</c> of the encoder families; what cannot be run as stated is refused, never approximated.</summary>
public static class EncoderConfigurationReader
{
    private const int MaximumBytes = 1 << 20;

    /// <summary>Whether a folder's <c>config.json</c> names an encoder.</summary>
    /// <exception cref="CheckpointException">The file is missing or broken.</exception>
    public static bool IsEncoder(string folder) => ReadFile(folder, keys => EncoderFamily.Find(keys) is not null);

    /// <summary>Reads the file in a model folder.</summary>
    /// <exception cref="CheckpointException">The file is missing, broken, or describes something that is not supported.</exception>
    public static EncoderConfiguration Read(string folder) => ReadFile(folder, Read);

    private static T ReadFile<T>(string folder, Func<JsonKeys, T> read)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return ModelJson.ReadFile(Path.Combine(folder, DecoderConfigurationReader.FileName), MaximumBytes, read);
    }

    private static EncoderConfiguration Read(JsonKeys keys)
    {
        EncoderFamily family = EncoderFamily.Find(keys)
            ?? throw keys.Refuse("model_type", string.Join(", ", EncoderFamily.All.Select(known => $"\"{known.ModelType}\" ({known.Models})")));
        RequireText(keys, "hidden_act", "gelu");
        RequireText(keys, "position_embedding_type", "absolute");
        if (keys.Flag("is_decoder", absent: false))
        {
            throw keys.Refuse("is_decoder", "false");
        }

        int hiddenSize = keys.Integer("hidden_size", 1, DecoderLimits.Width);
        int heads = keys.Integer("num_attention_heads", 1, DecoderLimits.Heads);
        if (hiddenSize % heads != 0 || hiddenSize / heads > DecoderLimits.HeadDim)
        {
            throw keys.Refuse("num_attention_heads", $"a divisor of the hidden size {hiddenSize} that leaves at most {DecoderLimits.HeadDim} a head");
        }

        int vocabularySize = keys.Integer("vocab_size", 1, DecoderLimits.VocabularySize);
        var configuration = new EncoderConfiguration
        {
            Family = family,
            Layers = keys.Integer("num_hidden_layers", 1, DecoderLimits.Layers),
            HiddenSize = hiddenSize,
            FeedForwardSize = keys.Integer("intermediate_size", 1, DecoderLimits.Width),
            Heads = heads,
            VocabularySize = vocabularySize,
            Positions = keys.Integer("max_position_embeddings", 1, DecoderLimits.ContextTokens),
            TokenTypes = keys.Integer("type_vocab_size", 1, DecoderLimits.Width),
            PaddingId = keys.Integer("pad_token_id", 0, vocabularySize - 1, absent: family.CountsPositionsFromPadding ? 1 : 0),
            NormEpsilon = DecoderLimits.NormEpsilon(keys, "layer_norm_eps"),
        };
        return configuration.ContextTokens > 0
            ? configuration
            : throw keys.Refuse("max_position_embeddings", $"more than the {configuration.FirstPosition} positions that no token has");
    }

    private static void RequireText(JsonKeys keys, string key, string supported)
    {
        if (keys.Text(key) is { } value && value != supported)
        {
            throw keys.Refuse(key, $"\"{supported}\"");
        }
    }
}
