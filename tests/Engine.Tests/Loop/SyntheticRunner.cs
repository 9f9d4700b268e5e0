using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Tests.Loop;

/// <summary>Runs <see cref="SyntheticModel"/> with a paged cache: what a step writes and reads goes through the block table only.</summary>
/// <remarks>A stale, shared or wrong block, or a wrong position, changes the logits; what can be seen to be wrong at once throws.</remarks>
internal sealed class SyntheticRunner : IStepRunner
{
    private readonly ulong[] _cache;
    private readonly long[] _writtenInRun; // of each slot
    private readonly float[] _logits;

    public SyntheticRunner(int vocabularySize = 40, int blockTokens = 4, int blockCount = 64, int mostRows = 64)
    {
        VocabularySize = vocabularySize;
        BlockTokens = blockTokens;
        BlockCount = blockCount;
        _cache = new ulong[blockCount * blockTokens];
        _writtenInRun = new long[_cache.Length];
        _logits = new float[mostRows * vocabularySize];
        new Random(5).NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_cache.AsSpan()));
    }

    public int VocabularySize { get; }

    public int BlockTokens { get; }

    public int BlockCount { get; }

    public long Runs { get; private set; }

    public int Copies { get; private set; }

    /// <summary>New tokens of all runs.</summary>
    public long Tokens { get; private set; }

    public int MostTokens { get; private set; }

    public int MostSequences { get; private set; }

    /// <summary>Called in every run, before it does anything.</summary>
    public Action<StepBatch>? Running { get; set; }

    /// <summary>Called with the batch and the logits before they are handed out.</summary>
    public Action<StepBatch, float[]>? Ran { get; set; }

    public Action? Aborted { get; set; }

    /// <summary>First prompt tokens that must go in in one step.</summary>
    public int PrefixTokens { get; init; }

    public PromptPrefix PrefixOf(ReadOnlySpan<int> promptIds) => new(Math.Min(PrefixTokens, promptIds.Length), MaskPosition: 0);

    public ReadOnlySpan<float> Run(StepBatch batch)
    {
        Runs++;
        Running?.Invoke(batch);
        Tokens += batch.TokenCount;
        MostTokens = Math.Max(MostTokens, batch.TokenCount);
        MostSequences = Math.Max(MostSequences, batch.SequenceCount);
        Require(batch.TokenCount == batch.CumulativeLengths[batch.SequenceCount], "The last sequence ends where the tokens end.");
        for (int sequence = 0; sequence < batch.SequenceCount; sequence++)
        {
            Write(batch, sequence);
        }

        int row = 0;
        for (int sequence = 0; sequence < batch.SequenceCount; sequence++)
        {
            int end = batch.CumulativeLengths[sequence + 1];
            while (row < batch.LogitRowCount && batch.LogitRows[row] < end)
            {
                int newTokens = (int)batch.LogitRows[row] + 1 - batch.CumulativeLengths[sequence];
                Read(batch, sequence, batch.PastLengths[sequence] + newTokens, _logits.AsSpan(row * VocabularySize, VocabularySize));
                row++;
            }
        }

        Require(row == batch.LogitRowCount, "Every logit row is one of the new tokens.");
        Ran?.Invoke(batch, _logits);
        return _logits.AsSpan(0, row * VocabularySize);
    }

    public void CopyBlock(int source, int target)
    {
        Copies++;
        _cache.AsSpan(source * BlockTokens, BlockTokens).CopyTo(_cache.AsSpan(target * BlockTokens, BlockTokens));
    }

    public void Abort() => Aborted?.Invoke();

    public void Dispose()
    {
    }

    private void Write(StepBatch batch, int sequence)
    {
        int start = batch.CumulativeLengths[sequence];
        Require(start < batch.CumulativeLengths[sequence + 1], "Every sequence has new tokens.");
        Require(
            batch.PrefixLengths[sequence] <= batch.PastLengths[sequence] + batch.CumulativeLengths[sequence + 1] - start, "No prefix is divided.");
        for (int token = start; token < batch.CumulativeLengths[sequence + 1]; token++)
        {
            int position = batch.PastLengths[sequence] + token - start;
            int slot = Slot(batch, sequence, position);
            Require(_writtenInRun[slot] != Runs, "Two tokens of one step share a slot.");
            _writtenInRun[slot] = Runs;
            _cache[slot] = SyntheticModel.KeyValue(batch.TokenIds[token], position);
        }
    }

    private void Read(StepBatch batch, int sequence, int length, Span<float> row)
    {
        ulong state = SyntheticModel.Empty;
        for (int position = 0; position < length; position++)
        {
            state = SyntheticModel.Attend(state, _cache[Slot(batch, sequence, position)]);
        }

        SyntheticModel.Logits(state, row);
    }

    private int Slot(StepBatch batch, int sequence, int position)
    {
        Require(position / BlockTokens < batch.TableWidth, "The table is wide enough for every position.");
        int block = batch.BlockTable[(sequence * batch.TableWidth) + (position / BlockTokens)];
        return (block * BlockTokens) + (position % BlockTokens);
    }

    private static void Require(bool condition, string rule)
    {
        if (!condition)
        {
            throw new InvalidOperationException(rule);
        }
    }
}
