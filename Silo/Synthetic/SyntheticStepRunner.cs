using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Silo.Synthetic;

/// <summary>
/// A device without a model: its steps end at whole multiples of a period on the machine's monotonic clock, so whoever reads that clock on the same
/// machine knows when a token was made. Every KV slot holds the state of its sequence up to there, so answers depend on blocks as a real model's do.
/// </summary>
internal sealed class SyntheticStepRunner : IStepRunner
{
    private readonly SyntheticLanguage _language;
    private readonly TimeProvider _time;
    private readonly long _stepTicks;
    private readonly ulong[] _states; // shape (blocks, block tokens)
    private readonly ManualResetEvent _aborted = new(false);
    private float[] _logits = [];

    /// <param name="language">What it says.</param>
    /// <param name="vocabularySize">Width of a row of logits.</param>
    /// <param name="blockCount">KV blocks.</param>
    /// <param name="stepTicks">Period of the steps in ticks of the clock; positive.</param>
    /// <param name="time">The clock.</param>
    public SyntheticStepRunner(SyntheticLanguage language, int vocabularySize, int blockCount, long stepTicks, TimeProvider time)
    {
        _language = language;
        _time = time;
        _stepTicks = stepTicks;
        _states = new ulong[blockCount * DecoderMemory.BlockTokens];
        VocabularySize = vocabularySize;
        BlockCount = blockCount;
    }

    public int VocabularySize { get; }

    public int BlockTokens => DecoderMemory.BlockTokens;

    public int BlockCount { get; }

    public ReadOnlySpan<float> Run(StepBatch batch)
    {
        long end = ((_time.GetTimestamp() / _stepTicks) + 1) * _stepTicks;
        _aborted.Reset();
        int values = batch.LogitRowCount * VocabularySize;
        if (_logits.Length < values)
        {
            _logits = new float[values];
        }

        int rows = 0;
        for (int sequence = 0; sequence < batch.SequenceCount; sequence++)
        {
            rows = Advance(batch, sequence, rows);
        }

        WaitUntil(end);
        return _logits.AsSpan(0, values);
    }

    public void CopyBlock(int source, int target) =>
        _states.AsSpan(source * BlockTokens, BlockTokens).CopyTo(_states.AsSpan(target * BlockTokens));

    public void Abort() => _aborted.Set();

    public void Dispose() => _aborted.Dispose();

    /// <summary>Writes the states of a sequence's new tokens, and the wanted logits.</summary>
    /// <returns>Rows of logits written so far.</returns>
    private int Advance(StepBatch batch, int sequence, int rows)
    {
        ReadOnlySpan<int> blocks = batch.BlockTable.AsSpan(sequence * batch.TableWidth, batch.TableWidth);
        int position = batch.PastLengths[sequence];
        ulong state = position == 0 ? SyntheticLanguage.Start : _states[Slot(blocks, position - 1)];
        for (int token = batch.CumulativeLengths[sequence]; token < batch.CumulativeLengths[sequence + 1]; token++, position++)
        {
            state = SyntheticLanguage.Next(state, (int)batch.TokenIds[token]);
            _states[Slot(blocks, position)] = state;
            if (rows < batch.LogitRowCount && batch.LogitRows[rows] == token)
            {
                _language.WriteLogits(state, _logits.AsSpan(rows * VocabularySize, VocabularySize));
                rows++;
            }
        }

        return rows;
    }

    private int Slot(ReadOnlySpan<int> blocks, int position) => (blocks[position / BlockTokens] * BlockTokens) + (position % BlockTokens);

    /// <summary>Sleeps: a real device would not use this process's processor time either.</summary>
    private void WaitUntil(long timestamp)
    {
        for (long now = _time.GetTimestamp(); now < timestamp; now = _time.GetTimestamp())
        {
            if (_aborted.WaitOne((int)Math.Ceiling(_time.GetElapsedTime(now, timestamp).TotalMilliseconds)))
            {
                throw new StepAbortedException("The step was stopped before its end.");
            }
        }
    }
}
