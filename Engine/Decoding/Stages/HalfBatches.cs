using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Decoding.Stages;

/// <summary>A step cut into two in the middle of its tokens, so that one stage computes the second half while the next has the first.</summary>
/// <remarks>
/// A sequence that the cut goes through is as if its prompt came in two chunks, which changes no bit; where a prompt must come whole, as with
/// ChatGLM's bidirectional prefix, the cut goes between sequences. Used only on the engine loop thread, but
/// for reading the halves. Allocates nothing after construction.
/// </remarks>
/// <param name="options">Sizes of a step.</param>
/// <param name="blocksPerSequence">Blocks of the longest context.</param>
/// <param name="cutsSequences">Whether a sequence's tokens of one step may come in two.</param>
internal sealed class HalfBatches(DecoderRunnerOptions options, int blocksPerSequence, bool cutsSequences)
{
    /// <summary>Both halves read all weights, so each must be worth it: between where they begin to pay in 4 bits and in int8 (docs/engine.md, Stages).</summary>
    internal const int SmallestHalf = 16;

    private readonly StepBatch _front = new(options.MaxStepTokens, options.MaxSequences, blocksPerSequence);
    private readonly StepBatch _back = new(options.MaxStepTokens, options.MaxSequences, blocksPerSequence);
    private StepBatch? _whole;

    /// <summary>1 or 2.</summary>
    public int Count { get; private set; }

    public StepBatch this[int half] => Count == 1 ? _whole! : half == 0 ? _front : _back;

    /// <summary>Index of a half's first row among the step's logit rows.</summary>
    public int FirstLogitRow(int half) => half == 0 ? 0 : _front.LogitRowCount;

    public void Split(StepBatch batch)
    {
        _whole = batch;
        int cut = cutsSequences ? batch.TokenCount / 2 : FindBoundary(batch);
        Count = Math.Min(cut, batch.TokenCount - cut) >= SmallestHalf ? 2 : 1;
        if (Count == 2)
        {
            Take(batch, 0, cut, _front);
            Take(batch, cut, batch.TokenCount, _back);
        }
    }

    /// <summary>The end of a sequence that is nearest to the middle.</summary>
    private static int FindBoundary(StepBatch batch)
    {
        int nearest = batch.TokenCount;
        foreach (int end in batch.CumulativeLengths.AsSpan(1, batch.SequenceCount))
        {
            nearest = Math.Abs((2 * end) - batch.TokenCount) < Math.Abs((2 * nearest) - batch.TokenCount) ? end : nearest;
        }

        return nearest;
    }

    /// <summary>Fills a half with the tokens from <paramref name="start"/> up to <paramref name="end"/>.</summary>
    private static void Take(StepBatch batch, int start, int end, StepBatch half)
    {
        batch.TokenIds.AsSpan(start, end - start).CopyTo(half.TokenIds);
        half.TokenCount = end - start;
        half.SequenceCount = 0;
        half.TableWidth = batch.TableWidth;
        for (int sequence = 0; sequence < batch.SequenceCount; sequence++)
        {
            int from = Math.Max(start, batch.CumulativeLengths[sequence]);
            int to = Math.Min(end, batch.CumulativeLengths[sequence + 1]);
            if (from < to)
            {
                int index = half.SequenceCount++;
                half.CumulativeLengths[index] = from - start;
                half.CumulativeLengths[index + 1] = to - start;
                half.PastLengths[index] = batch.PastLengths[sequence] + from - batch.CumulativeLengths[sequence];
                half.PrefixLengths[index] = batch.PrefixLengths[sequence];
                half.MaskPositions[index] = batch.MaskPositions[sequence];
                batch.BlockTable.AsSpan(sequence * batch.TableWidth, batch.TableWidth).CopyTo(half.BlockTable.AsSpan(index * batch.TableWidth));
            }
        }

        half.LogitRowCount = 0;
        foreach (long row in batch.LogitRows.AsSpan(0, batch.LogitRowCount))
        {
            if (row >= start && row < end)
            {
                half.LogitRows[half.LogitRowCount++] = row - start;
            }
        }
    }
}
