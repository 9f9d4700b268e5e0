using GlmCluster.Bench.Routing;

namespace GlmCluster.Cli.Tests.Benchmarks;

public sealed class RoutingSimulationTests
{
    private static readonly RoutingLoad Small = new() { Workers = 16, Tenants = 60, ConversationsPerSecond = 6.4, Seconds = 90, CacheBlocks = 1024 };

    [Fact]
    public void Run_Policies_PrefixFindsMostAndKeepsTheLoadTogether()
    {
        RoutingResult prefix = RoutingSimulation.Run(Small, "prefix");
        RoutingResult leastLoaded = RoutingSimulation.Run(Small, "least-loaded");
        RoutingResult roundRobin = RoutingSimulation.Run(Small, "round-robin");
        RoutingResult consistentHash = RoutingSimulation.Run(Small, "consistent-hash");

        Assert.True(prefix.HitRate > leastLoaded.HitRate + 0.1, $"{prefix} {leastLoaded}");
        Assert.True(prefix.HitRate > roundRobin.HitRate + 0.1, $"{prefix} {roundRobin}");
        Assert.True(prefix.HitRate > consistentHash.HitRate - 0.05, $"{prefix} {consistentHash}");
        Assert.True(prefix.MaxOverMean < leastLoaded.MaxOverMean + 0.6, $"{prefix} {leastLoaded}");
    }

    [Fact]
    public void Run_SameSeed_GivesTheSame()
    {
        RoutingLoad brief = Small with { Seconds = 30 };

        Assert.Equal(RoutingSimulation.Run(brief, "prefix"), RoutingSimulation.Run(brief, "prefix"));
        Assert.NotEqual(RoutingSimulation.Run(brief, "prefix"), RoutingSimulation.Run(brief with { RandomSeed = 2 }, "prefix"));
    }
}
