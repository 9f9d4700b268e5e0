using GlmCluster.Grains.Routing;

namespace GlmCluster.Grains.Tests.Routing;

public sealed class PolicyTests
{
    private static readonly Guid[] Ids = [.. Enumerable.Range(1, 8).Select(i => new Guid(i, 0, 0, new byte[8]))];

    [Fact]
    public void Prefix_MostCached_Wins() => Assert.Equal(1, new PrefixPolicy().Pick("", [Of(0, load: 4, cached: 64), Of(1, load: 6, cached: 96), Of(2)]));

    [Fact]
    public void Prefix_MostCachedBeyondTheBound_IsPassedOver() =>
        Assert.Equal(2, new PrefixPolicy().Pick("", [Of(0, load: 30, cached: 960), Of(1, load: 4), Of(2, load: 4, cached: 32)]));

    [Fact]
    public void Prefix_SameCached_GoesHomeElseToTheLeastLoaded()
    {
        Assert.Equal(1, new PrefixPolicy().Pick("", [Of(0, load: 3), Of(1, load: 4, isHome: true), Of(2, load: 4)]));
        Assert.Equal(2, new PrefixPolicy().Pick("", [Of(0, load: 3, cached: 32), Of(1, load: 4), Of(2, load: 2, cached: 32)]));
    }

    [Fact]
    public void Prefix_AnyLoads_FindsOne()
    {
        var random = new Random(5);
        for (int i = 0; i < 10_000; i++)
        {
            RoutingCandidate[] candidates = [.. Enumerable.Range(0, random.Next(1, 8)).Select(at =>
                new RoutingCandidate(Ids[at], random.Next(0, 100), random.Next(1, 64), random.Next(0, 4) * 32))];

            Assert.InRange(new PrefixPolicy().Pick("", candidates), 0, candidates.Length - 1);
            Assert.InRange(new ConsistentHashPolicy().Pick("key", candidates), 0, candidates.Length - 1);
        }
    }

    [Fact]
    public void RoundRobin_TakesTurns()
    {
        var policy = new RoundRobinPolicy();

        Assert.Equal([0, 1, 2, 0], Enumerable.Range(0, 4).Select(_ => policy.Pick("", [Of(0, load: 9), Of(1), Of(2)])));
    }

    [Fact]
    public void ConsistentHash_WorkerLeaves_MovesOnlyItsKeys()
    {
        var policy = new ConsistentHashPolicy();
        RoutingCandidate[] all = [.. Enumerable.Range(0, 8).Select(at => Of(at))];
        string[] keys = [.. Enumerable.Range(0, 400).Select(key => $"key {key}")];
        Guid[] before = [.. keys.Select(key => all[policy.Pick(key, all)].Worker)];
        RoutingCandidate[] left = all[1..];

        Guid[] after = [.. keys.Select(key => left[policy.Pick(key, left)].Worker)];

        Assert.All(before.Zip(after).Where(moved => moved.First != moved.Second), moved => Assert.Equal(Ids[0], moved.First));
        Assert.All(before.GroupBy(worker => worker), keysOfOne => Assert.InRange(keysOfOne.Count(), 20, 90)); // 50 each
    }

    [Fact]
    public void ConsistentHash_WorkerBeyondTheBound_IsPassedOver()
    {
        var policy = new ConsistentHashPolicy();
        RoutingCandidate[] all = [.. Enumerable.Range(0, 8).Select(at => Of(at, load: 2))];
        int usual = policy.Pick("key", all);
        all[usual] = all[usual] with { Load = 32 };

        Assert.NotEqual(usual, policy.Pick("key", all));
    }

    [Fact]
    public void Create_EveryName_IsAPolicy()
    {
        Assert.All(RoutingPolicies.Names, name => Assert.NotNull(RoutingPolicies.Create(name)));
        Assert.Contains("round-robin", Assert.Throws<ArgumentException>(() => RoutingPolicies.Create("robin")).Message, StringComparison.Ordinal);
    }

    private static RoutingCandidate Of(int at, int load = 0, int cached = 0, bool isHome = false) => new(Ids[at], load, 32, cached, isHome);
}
