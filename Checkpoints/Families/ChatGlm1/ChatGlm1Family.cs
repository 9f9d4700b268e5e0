using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Files;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Families.ChatGlm1;

/// <summary><c>chatglm</c> of ChatGLM-6B: two-dimensional positions, a prompt that sees itself whole, and residuals of normed inputs.</summary>
public sealed class ChatGlm1Family : DecoderFamily
{
    /// <summary>√(2 · 28), whatever the layers are: the remote code never passes its layer count to the block.</summary>
    private const float ResidualScale = 7.48331477f;

    /// <summary>The remote code's rotary base.</summary>
    private const double RotaryBase = 10000;

    private ChatGlm1Family()
    {
    }

    public static DecoderFamily Instance { get; } = new ChatGlm1Family();

    public override string ModelType => "chatglm";

    public override string Models => "ChatGLM-6B";

    internal override bool Owns(JsonKeys keys) => keys.Has("position_encoding_2d") || keys.Has("inner_hidden_size");

    internal override DecoderConfiguration ReadConfiguration(JsonKeys keys)
    {
        Refuse(keys);
        int heads = keys.Integer("num_attention_heads", 1, DecoderLimits.Heads);
        int hiddenSize = keys.Integer("hidden_size", 1, DecoderLimits.Width);
        int headDim = hiddenSize / heads;
        if (hiddenSize % heads != 0 || headDim % 4 != 0 || headDim > DecoderLimits.HeadDim)
        {
            throw keys.Refuse("hidden_size", $"a multiple of 4 times the {heads} heads, at most {DecoderLimits.HeadDim} times");
        }

        int vocabularySize = keys.Integer("vocab_size", 1, DecoderLimits.VocabularySize);
        return new DecoderConfiguration
        {
            Family = this,
            Layers = keys.Integer("num_layers", 1, DecoderLimits.Layers),
            HiddenSize = hiddenSize,
            FeedForwardSize = keys.Integer("inner_hidden_size", 1, DecoderLimits.Width),
            Heads = heads,
            KvHeads = heads,
            HeadDim = headDim,
            VocabularySize = vocabularySize,
            ContextTokens = keys.Integer("max_sequence_length", 1, DecoderLimits.ContextTokens),
            NormEpsilon = DecoderLimits.NormEpsilon(keys, "layernorm_epsilon"),
            RotaryDim = headDim / 2, // of each half of a head
            RotaryBase = RotaryBase,
            RotaryPairing = RotaryPairing.HalfSplit,
            Prefix = new PrefixConfiguration(
                keys.Integer("bos_token_id", 0, vocabularySize - 1),
                keys.Integer("gmask_token_id", 0, vocabularySize - 1),
                keys.Integer("mask_token_id", 0, vocabularySize - 1)),
            ResidualScale = ResidualScale,
            QkvBias = true,
            QuantizationBits = ChatGlmReleaseKeys.QuantizationBits(keys),
            TiedHead = keys.Flag("tie_word_embeddings", absent: false),
            StopIds = [.. keys.Integers("eos_token_id", 0, vocabularySize - 1)],
        };
    }

    internal override DecoderLayout CreateLayout(DecoderConfiguration configuration) => new(
        new TensorSlot("transformer.word_embeddings.weight", TensorRole.Matrix, [configuration.VocabularySize, configuration.HiddenSize]),
        new TensorSlot("lm_head.weight", TensorRole.Matrix, [configuration.VocabularySize, configuration.HiddenSize]),
        Norm(configuration, "transformer.final_layernorm"),
        [.. Enumerable.Range(0, configuration.Layers).Select(index => CreateLayer(configuration, $"transformer.layers.{index}."))]);

    private static LayerTensors<TensorSlot> CreateLayer(DecoderConfiguration c, string prefix) => new(
        Norm(c, prefix + "input_layernorm"),
        new GroupedAttentionTensors<TensorSlot>(
            Linear(prefix + "attention.query_key_value", 3 * c.HiddenSize, c.HiddenSize),
            Linear(prefix + "attention.dense", c.HiddenSize, c.HiddenSize)),
        AttentionOutputNorm: null,
        Norm(c, prefix + "post_attention_layernorm"),
        new PlainFeedForwardTensors<TensorSlot>(
            Linear(prefix + "mlp.dense_h_to_4h", c.FeedForwardSize, c.HiddenSize),
            Linear(prefix + "mlp.dense_4h_to_h", c.HiddenSize, c.FeedForwardSize)),
        FeedForwardOutputNorm: null);

    private static LinearTensors<TensorSlot> Linear(string name, long rows, long columns) => new(
        [new TensorSlot(name + ".weight", TensorRole.Matrix, [rows, columns])], [new TensorSlot(name + ".bias", TensorRole.Bias, [rows])]);

    private static NormTensors<TensorSlot> Norm(DecoderConfiguration c, string name) => new(
        new TensorSlot(name + ".weight", TensorRole.Norm, [c.HiddenSize]), new TensorSlot(name + ".bias", TensorRole.Bias, [c.HiddenSize]));

    private static void Refuse(JsonKeys keys)
    {
        if (!keys.Flag("position_encoding_2d", absent: true))
        {
            throw keys.Refuse("position_encoding_2d", "true");
        }

        ChatGlmReleaseKeys.RefuseOthers(keys);
    }
}
