using GlmCluster.Grains.Routing;

namespace GlmCluster.Grains.Tests.Routing;

public sealed class LeastLoadedPolicyTests
{
    private readonly LeastLoadedPolicy _policy = new();

    [Fact]
    public void Pick_SmallestShare_Wins() => Assert.Equal(1, Pick(new(Guid.Empty, 2, 4), new(Guid.Empty, 4, 16), new(Guid.Empty, 3, 4)));

    [Fact]
    public void Pick_Tie_GoesToTheFirst() => Assert.Equal(0, Pick(new(Guid.Empty, 1, 2), new(Guid.Empty, 2, 4)));

    private int Pick(params RoutingCandidate[] candidates) => _policy.Pick("", candidates);
}
