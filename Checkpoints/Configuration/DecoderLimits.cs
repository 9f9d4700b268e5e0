using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Configuration;

/// <summary>
/// Largest sizes a configuration may state: far above every published model, and small enough that no product of two sizes overflows
/// and that a hostile file cannot ask for absurd allocations.
/// </summary>
internal static class DecoderLimits
{
    public const int Layers = 1000;
    public const int Width = 1 << 20;
    public const int Heads = 4096;
    public const int HeadDim = 1024;
    public const int VocabularySize = 1 << 22;
    public const int ContextTokens = 1 << 24;
    public const int Experts = 1024;
    public const double RotaryBase = 1e12;

    public static float NormEpsilon(JsonKeys keys, string key) => (float)keys.Number(key, 1e-12, 0.1);

    /// <summary>Reads the key and value heads, which must divide the query heads.</summary>
    public static int KvHeads(JsonKeys keys, string key, int heads)
    {
        int kvHeads = keys.Integer(key, 1, heads);
        return heads % kvHeads == 0 ? kvHeads : throw keys.Refuse(key, $"a divisor of the {heads} query heads");
    }

    /// <summary>Dimensions to rotate: <paramref name="factor"/> of a head, rounded down as the reference does; must come out even.</summary>
    /// <param name="key">The key to blame.</param>
    public static int RotaryDim(JsonKeys keys, string key, int headDim, double factor)
    {
        int rotaryDim = (int)(headDim * factor);
        return rotaryDim > 0 && rotaryDim % 2 == 0
            ? rotaryDim
            : throw keys.Refuse(key, $"values that rotate an even number of dimensions of a head (here {rotaryDim} of {headDim})");
    }
}
