namespace GlmCluster.Engine.Embeddings;

/// <summary>Texts of one step, packed one after the other.</summary>
/// <param name="capacityTokens">Most tokens.</param>
public sealed class EncoderBatch(int capacityTokens)
{
    /// <summary>Ids of all texts; the first <see cref="TokenCount"/> count.</summary>
    internal long[] TokenIds { get; } = new long[capacityTokens];

    /// <summary>Start of each text, and the end of the last.</summary>
    internal int[] CumulativeLengths { get; } = new int[capacityTokens + 1];

    /// <summary>Tokens of all texts.</summary>
    public int TokenCount => CumulativeLengths[TextCount];

    public int TextCount { get; private set; }

    /// <summary>Tokens that still fit.</summary>
    public int Room => capacityTokens - TokenCount;

    public void Clear() => TextCount = 0;

    /// <summary>Adds a text.</summary>
    /// <param name="ids">At least one, at most <see cref="Room"/>.</param>
    public void Add(ReadOnlySpan<int> ids)
    {
        ArgumentOutOfRangeException.ThrowIfZero(ids.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ids.Length, Room);
        int start = TokenCount;
        for (int i = 0; i < ids.Length; i++)
        {
            TokenIds[start + i] = ids[i];
        }

        CumulativeLengths[++TextCount] = start + ids.Length;
    }
}
