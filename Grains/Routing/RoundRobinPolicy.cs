namespace GlmCluster.Grains.Routing;

/// <summary>Takes workers in turn. Every process counts by itself. Thread-safe.</summary>
internal sealed class RoundRobinPolicy : IRoutingPolicy
{
    private int _next = -1;

    public bool UsesPrefixes => false;

    public int Pick(string key, ReadOnlySpan<RoutingCandidate> candidates) => (int)((uint)Interlocked.Increment(ref _next) % (uint)candidates.Length);
}
