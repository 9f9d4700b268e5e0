namespace GlmCluster.Grains.Routing;

/// <summary>The policies by the names that settings use.</summary>
public static class RoutingPolicies
{
    /// <summary>What is used where nothing is said.</summary>
    public const string Default = "prefix";

    private static readonly Dictionary<string, Func<IRoutingPolicy>> ByName = new(StringComparer.Ordinal)
    {
        [Default] = () => new PrefixPolicy(),
        ["least-loaded"] = () => new LeastLoadedPolicy(),
        ["round-robin"] = () => new RoundRobinPolicy(),
        ["consistent-hash"] = () => new ConsistentHashPolicy(),
    };

    public static IReadOnlyCollection<string> Names => ByName.Keys;

    /// <exception cref="ArgumentException">There is none of this name.</exception>
    internal static IRoutingPolicy Create(string name) => ByName.TryGetValue(name, out Func<IRoutingPolicy>? create)
        ? create()
        : throw new ArgumentException($"There is no routing policy '{name}'; there are {string.Join(", ", Names)}.", nameof(name));
}
