namespace GlmCluster.Grains.Routing;

/// <summary>Picks the worker with the smallest share of its slots in use; the one that joined first on ties.</summary>
internal sealed class LeastLoadedPolicy : IRoutingPolicy
{
    public bool UsesPrefixes => false;

    public int Pick(string key, ReadOnlySpan<RoutingCandidate> candidates)
    {
        int best = 0;
        for (int i = 1; i < candidates.Length; i++)
        {
            best = IsLess(candidates[i], candidates[best]) ? i : best;
        }

        return best;
    }

    /// <summary>Whether a smaller share of the first one's slots is in use: a/b &lt; c/d without division.</summary>
    public static bool IsLess(in RoutingCandidate one, in RoutingCandidate other) => (long)one.Load * other.Slots < (long)other.Load * one.Slots;
}
