namespace GlmCluster.Bench.Routing;

/// <summary>What a routing simulation is made of.</summary>
public sealed record RoutingLoad
{
    public int Workers { get; init; } = 200;

    /// <summary>Sequences that a worker runs at once.</summary>
    public int Slots { get; init; } = 32;

    /// <summary>KV blocks of 32 tokens that a worker keeps.</summary>
    public int CacheBlocks { get; init; } = 2048;

    /// <summary>Tenants; the n-th asks as often as 1/n. Each has a system prompt of its own.</summary>
    public int Tenants { get; init; } = 400;

    /// <summary>Conversations that begin in a second.</summary>
    public double ConversationsPerSecond { get; init; } = 80;

    /// <summary>Seconds that are simulated; the first third is not counted.</summary>
    public int Seconds { get; init; } = 180;

    public int RandomSeed { get; init; } = 1;
}

/// <summary>What a policy made of a load.</summary>
/// <param name="Policy">Its name.</param>
/// <param name="Requests">Counted ones.</param>
/// <param name="HitRate">Share of prompt tokens found in the worker's cache, 0 to 1.</param>
/// <param name="MaxOverMean">Sequences of the fullest worker beside the mean, averaged over time.</param>
/// <param name="MedianWait">Seconds to the first token, median.</param>
/// <param name="LongWait">The same at 99 %.</param>
public sealed record RoutingResult(string Policy, int Requests, double HitRate, double MaxOverMean, double MedianWait, double LongWait);
