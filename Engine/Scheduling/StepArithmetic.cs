namespace GlmCluster.Engine.Scheduling;

/// <summary>The numbers behind the scheduler's decisions.</summary>
internal static class StepArithmetic
{
    /// <summary>Blocks that hold <paramref name="tokens"/> tokens.</summary>
    public static int BlocksFor(int tokens, int blockTokens) => (int)(((long)tokens + blockTokens - 1) / blockTokens);

    /// <summary>
    /// Whether to wait while another sequence computes <paramref name="gainTokens"/> of the <paramref name="tokens"/> that this one would compute:
    /// for a whole block, or for half of them.
    /// </summary>
    public static bool IsWorthWaiting(int gainTokens, int tokens, int blockTokens) => gainTokens > 0 && gainTokens >= Math.Min(blockTokens, (tokens + 1) / 2);

    /// <summary>
    /// Whether a sequence may start: its known tokens find room, and beside them every running sequence has a block to grow into,
    /// so that a newcomer is not preempted at once. The first one needs no such margin: the cache holds one full context.
    /// </summary>
    public static bool CanAdmit(int freeBlocks, int neededBlocks, int runningSequences) => freeBlocks - neededBlocks >= runningSequences;
}
