using GlmCluster.Engine.KvCache;
using GlmCluster.Engine.Scheduling;

namespace GlmCluster.Engine.Tests.Scheduling;

/// <summary>What must be true of the scheduler between two steps.</summary>
internal static class SchedulerInvariants
{
    public static void Check(Scheduler scheduler, int maxSequences, int blockTokens)
    {
        Assert.Distinct(scheduler.Running.Concat(scheduler.Waiting).Select(s => s.Id));
        CheckAccounts(scheduler);
        Assert.True(scheduler.Running.Count <= maxSequences, "The batch is within its limit.");
        Assert.True(scheduler.Running.Count == 1 || !scheduler.Running.Any(s => s.RunsAlone), "A lone sequence has company.");
        foreach (Sequence sequence in scheduler.Running)
        {
            int blocks = sequence.Blocks!.Count;
            Assert.InRange(sequence.PendingTokens, 1, sequence.Length);
            Assert.True(blocks >= StepArithmetic.BlocksFor(sequence.CachedTokens, blockTokens), "Every cached token has a block.");
            Assert.True(blocks <= StepArithmetic.BlocksFor(sequence.Length, blockTokens), "No block is held before its time.");
            CheckContent(scheduler.Cache.Index, sequence, blockTokens);
        }

        Assert.All(scheduler.Waiting, s => Assert.Equal(0, s.CachedTokens));
        Assert.All(scheduler.Waiting, s => Assert.Equal(0, s.Blocks?.Count ?? 0));
    }

    private static void CheckAccounts(Scheduler scheduler)
    {
        Sequence[] all = [.. scheduler.Running, .. scheduler.Waiting];
        Assert.Equal(all.Select(s => s.Request.Caller).Distinct().Order(), scheduler.Callers.All.Select(a => a.Caller).Order());
        foreach (CallerAccount account in scheduler.Callers.All)
        {
            Assert.Equal(all.Count(s => s.Account == account), account.Sequences);
            Assert.Equal(scheduler.Running.Count(s => s.Account == account), account.Running);
        }
    }

    /// <summary>The index says of a sequence's blocks what the sequence computed into them, and of the rest nothing.</summary>
    private static void CheckContent(PrefixIndex index, Sequence sequence, int blockTokens)
    {
        UInt128 hash = sequence.PrefixRoot;
        for (int i = 0; i < sequence.Blocks!.Count; i++)
        {
            int block = sequence.Blocks.Blocks[i];
            int tokens = Math.Clamp(sequence.CachedTokens - (i * blockTokens), 0, blockTokens);
            Assert.Equal(sequence.Ids.Slice(Math.Min(i * blockTokens, sequence.CachedTokens), tokens), index.TokenIds(block));
            if (tokens == 0)
            {
                continue;
            }

            Assert.Equal((hash, i == 0), (index.ParentOf(block), index.IsFirst(block)));
            if (tokens == blockTokens)
            {
                hash = PrefixHash.Extend(hash, index.TokenIds(block));
                Assert.Equal((hash, block), (index.HashOf(block), index.FindFull(hash)));
            }
        }
    }
}
