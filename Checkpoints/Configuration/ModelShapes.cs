using GlmCluster.Checkpoints.Families.Glm;
using GlmCluster.Checkpoints.Families.Glm4Moe;
using GlmCluster.Checkpoints.Families.Glm4MoeLite;

namespace GlmCluster.Checkpoints.Configuration;

/// <summary>Shapes of published models by name, for measuring with made-up weights.</summary>
public static class ModelShapes
{
    private static readonly DecoderConfiguration Nano = new()
    {
        Family = GlmFamily.Glm,
        Layers = 6,
        HiddenSize = 256,
        FeedForwardSize = 704,
        Heads = 4,
        KvHeads = 2,
        HeadDim = 64,
        VocabularySize = 4096,
        ContextTokens = 4096,
        NormEpsilon = 1.5625e-07f,
        RotaryDim = 32,
        RotaryBase = 10000,
        QkvBias = true,
        TiedHead = false,
        StopIds = [4086, 4093, 4095],
    };

    private static readonly Dictionary<string, DecoderConfiguration> Shapes = new(StringComparer.Ordinal)
    {
        // The bundled demo model.
        ["nano"] = Nano,

        // GLM-Edge-1.5B; its flag says tied although both tensors are stored.
        ["edge-1.5b"] = Nano with
        {
            Layers = 28,
            HiddenSize = 2048,
            FeedForwardSize = 6144,
            Heads = 16,
            KvHeads = 4,
            HeadDim = 128,
            VocabularySize = 59264,
            ContextTokens = 8192,
            NormEpsilon = 1e-5f,
            RotaryDim = 128,
            QkvBias = false,
            TiedHead = true,
            StopIds = [59246, 59253, 59255],
        },

        // GLM-4-9B-chat-hf.
        ["4-9b"] = Nano with
        {
            Layers = 40,
            HiddenSize = 4096,
            FeedForwardSize = 13696,
            Heads = 32,
            KvHeads = 2,
            HeadDim = 128,
            VocabularySize = 151552,
            ContextTokens = 131072,
            RotaryDim = 64,
            StopIds = [151329, 151336, 151338],
        },

        // GLM-4.5-Air.
        ["4.5-air"] = Nano with
        {
            Family = Glm4MoeFamily.Instance,
            Layers = 46,
            HiddenSize = 4096,
            FeedForwardSize = 10944,
            Heads = 96,
            KvHeads = 8,
            HeadDim = 128,
            VocabularySize = 151552,
            ContextTokens = 131072,
            NormEpsilon = 1e-5f,
            RotaryDim = 64,
            RotaryBase = 1e6,
            RotaryPairing = RotaryPairing.HalfSplit,
            Experts = new ExpertConfiguration(
                Count: 128,
                PerToken: 8,
                Width: 1408,
                SharedWidth: 1408,
                DenseLayers: 1,
                Groups: 1,
                TopGroups: 1,
                NormalizesWeights: true,
                WeightScale: 1),
            StopIds = [151329, 151336, 151338],
        },

        // GLM-4.7-Flash.
        ["4.7-flash"] = Nano with
        {
            Family = Glm4MoeLiteFamily.Instance,
            Layers = 47,
            HiddenSize = 2048,
            FeedForwardSize = 10240,
            Heads = 20,
            KvHeads = 20,
            HeadDim = 256,
            VocabularySize = 154880,
            ContextTokens = 202752,
            NormEpsilon = 1e-5f,
            RotaryDim = 64,
            RotaryBase = 1e6,
            QkvBias = false,
            Latent = new LatentConfiguration(QueryWidth: 768, LatentWidth: 512, PlainDim: 192, RotaryDim: 64, ValueDim: 256),
            Experts = new ExpertConfiguration(
                Count: 64,
                PerToken: 4,
                Width: 1536,
                SharedWidth: 1536,
                DenseLayers: 1,
                Groups: 1,
                TopGroups: 1,
                NormalizesWeights: true,
                WeightScale: 1.8f),
            StopIds = [154820, 154827, 154829],
        },
    };

    public static IReadOnlyCollection<string> Names => Shapes.Keys;

    /// <summary>Gives a shape by name.</summary>
    /// <param name="layers">Layers instead of the model's own, 1 to 1000; null: the model's own.</param>
    /// <exception cref="ArgumentException">There is no such shape, or the layer count is out of range.</exception>
    public static DecoderConfiguration Get(string name, int? layers = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!Shapes.TryGetValue(name, out DecoderConfiguration? shape))
        {
            throw new ArgumentException($"Unknown shape \"{name}\"; known: {string.Join(", ", Names)}.", nameof(name));
        }

        if (layers is < 1 or > DecoderLimits.Layers)
        {
            throw new ArgumentOutOfRangeException(nameof(layers), layers, $"Layers must be from 1 to {DecoderLimits.Layers}.");
        }

        return shape with { Layers = layers ?? shape.Layers };
    }
}
