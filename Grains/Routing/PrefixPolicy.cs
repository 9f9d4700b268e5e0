namespace GlmCluster.Grains.Routing;

/// <summary>
/// Picks, among the workers within the load bound, the one that has most of the prompt cached; of equal ones the conversation's last worker, then
/// the one with the smallest share of its slots in use.
/// </summary>
internal sealed class PrefixPolicy : IRoutingPolicy
{
    public bool UsesPrefixes => true;

    public int Pick(string key, ReadOnlySpan<RoutingCandidate> candidates)
    {
        var bound = new LoadBound(candidates);
        int best = -1;
        for (int i = 0; i < candidates.Length; i++)
        {
            if (bound.Allows(candidates[i]) && (best < 0 || IsBetter(candidates[i], candidates[best])))
            {
                best = i;
            }
        }

        return best;
    }

    private static bool IsBetter(in RoutingCandidate one, in RoutingCandidate other) =>
        one.CachedTokens != other.CachedTokens ? one.CachedTokens > other.CachedTokens
        : one.IsHome != other.IsHome ? one.IsHome
        : LeastLoadedPolicy.IsLess(one, other);
}
