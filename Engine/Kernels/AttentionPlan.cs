namespace GlmCluster.Engine.Kernels;

/// <summary>Divides a step's new tokens into tiles, and the work on them into units that run in parallel.</summary>
/// <remarks>The division decides who computes what, never a bit of the result.</remarks>
internal sealed unsafe class AttentionPlan(AttentionShape shape, int workers) : IDisposable
{
    /// <summary>Positions that are attended to as one; their results are combined in order. Part of the numerics.</summary>
    public const int SpanTokens = 1024;

    /// <summary>Query rows of a tile: enough to reuse a page of keys while it is in the first-level cache.</summary>
    private const int TargetRows = 32;

    private readonly ScratchMemory _memory = new();
    private AttentionTile* _tiles;

    /// <summary>Most new tokens of a sequence in a tile.</summary>
    public int TileTokens { get; } = Math.Max(1, TargetRows / shape.GroupSize);

    /// <summary>Rows for which memory must be there: a full tile's and what the inner loops take beyond them.</summary>
    public int PaddedRows => (TileTokens * shape.GroupSize) + SpanAttention.RowStep;

    public int TileCount { get; private set; }

    /// <summary>Spans of all tiles.</summary>
    public int SpanCount { get; private set; }

    /// <summary>Whether spans of a tile run in parallel: where there are fewer tiles than workers.</summary>
    public bool SplitsSpans { get; private set; }

    /// <summary>Products of numbers in the step, roughly.</summary>
    public long Work { get; private set; }

    public ref readonly AttentionTile this[int tile] => ref _tiles[tile];

    public void Make(in AttentionStep step)
    {
        _tiles = _memory.Take<AttentionTile>((step.Tokens / TileTokens) + step.Sequences);
        TileCount = 0;
        SpanCount = 0;
        Work = 0;
        for (int sequence = 0; sequence < step.Sequences; sequence++)
        {
            int prefix = step.PrefixLengths == null ? 0 : step.PrefixLengths[sequence];
            AddTiles(sequence, step.CumulativeLengths[sequence], step.CumulativeLengths[sequence + 1], step.PastLengths[sequence], prefix);
        }

        SplitsSpans = SpanCount > TileCount && TileCount * shape.KvHeads < workers;
    }

    public void Dispose() => _memory.Dispose();

    private void AddTiles(int sequence, int firstToken, int endToken, int past, int prefix)
    {
        for (int token = firstToken; token < endToken; token += TileTokens)
        {
            int tokens = Math.Min(TileTokens, endToken - token);
            int firstPosition = past + token - firstToken;
            int endPosition = Math.Max(prefix, firstPosition + tokens);
            int spans = (endPosition + SpanTokens - 1) / SpanTokens;
            _tiles[TileCount++] = new AttentionTile(sequence, token, tokens, firstPosition, prefix, endPosition, spans, SpanCount);
            SpanCount += spans;
            Work += (long)tokens * endPosition * shape.Heads * (shape.HeadDim + shape.ValueDim);
        }
    }
}

/// <summary>Neighbouring new tokens of one sequence.</summary>
/// <param name="Sequence">Row of the block table.</param>
/// <param name="FirstToken">Index among all new tokens.</param>
/// <param name="Tokens">1 or more.</param>
/// <param name="FirstPosition">Position of the first token in its sequence.</param>
/// <param name="Prefix">First positions of the sequence that all its tokens see.</param>
/// <param name="EndPosition">Position after the last one that the last token sees.</param>
/// <param name="Spans">Spans that the last token sees.</param>
/// <param name="FirstSpan">Number of the first of them among the spans of all tiles.</param>
internal readonly record struct AttentionTile(
    int Sequence, int FirstToken, int Tokens, int FirstPosition, int Prefix, int EndPosition, int Spans, int FirstSpan);
