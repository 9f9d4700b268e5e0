using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Decoding;

/// <summary>Refuses steps that would make native code read or write where it must not.</summary>
internal sealed class StepBatchCheck(DecoderRunnerOptions options, int vocabularySize, int blockTokens)
{
    /// <exception cref="ArgumentException">The batch is not valid; says why.</exception>
    public void Check(StepBatch batch)
    {
        int mostBlocks = (options.ContextTokens + blockTokens - 1) / blockTokens;
        Require(batch.TokenCount >= 1 && batch.TokenCount <= options.MaxStepTokens, "its token count is out of range");
        Require(batch.SequenceCount >= 1 && batch.SequenceCount <= options.MaxSequences, "its sequence count is out of range");
        Require(batch.LogitRowCount >= 0 && batch.LogitRowCount <= options.MaxStepTokens, "its logit row count is out of range");
        Require(batch.TableWidth >= 1 && batch.TableWidth <= mostBlocks, "its table width is out of range");
        Require(batch.CumulativeLengths[0] == 0, "its lengths do not start at 0");
        Require(batch.CumulativeLengths[batch.SequenceCount] == batch.TokenCount, "its lengths do not add up");
        CheckIds(batch.TokenIds.AsSpan(0, batch.TokenCount), vocabularySize, "a token id is out of range");
        CheckIds(batch.LogitRows.AsSpan(0, batch.LogitRowCount), batch.TokenCount, "a logit row is out of range");
        for (int sequence = 0; sequence < batch.SequenceCount; sequence++)
        {
            CheckSequence(batch, sequence);
        }
    }

    private void CheckSequence(StepBatch batch, int sequence)
    {
        int newTokens = batch.CumulativeLengths[sequence + 1] - batch.CumulativeLengths[sequence];
        int past = batch.PastLengths[sequence];
        Require(newTokens >= 1 && past >= 0 && past <= options.ContextTokens - newTokens, "a sequence's length is out of range");
        int prefix = batch.PrefixLengths[sequence];
        Require(prefix >= 0 && prefix <= past + newTokens, "it divides a prefix");
        Require(batch.MaskPositions[sequence] >= 0 && batch.MaskPositions[sequence] < options.ContextTokens, "a mask is out of range");
        int blocks = (past + newTokens + blockTokens - 1) / blockTokens;
        Require(blocks <= batch.TableWidth, "a sequence is longer than its table");
        foreach (int block in batch.BlockTable.AsSpan(sequence * batch.TableWidth, blocks))
        {
            Require((uint)block < (uint)options.BlockCount, "a block number is out of range");
        }
    }

    private static void CheckIds(ReadOnlySpan<long> ids, int count, string fault)
    {
        foreach (long id in ids)
        {
            Require((ulong)id < (ulong)count, fault);
        }
    }

    private static void Require(bool condition, string fault)
    {
        if (!condition)
        {
            throw new ArgumentException($"The step is not valid: {fault}.");
        }
    }
}
