using GlmCluster.Grains.Postgres.Members;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.Postgres;

public sealed class LeaseWatchTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(3);

    private readonly ManualTimeProvider _time = new();
    private readonly LeaseWatch _watch;
    private readonly Guid _member = Guid.NewGuid();

    public LeaseWatchTests() => _watch = new LeaseWatch(Lease, _time);

    [Fact]
    public void Observe_CounterStandsStill_ExpiresAfterTheLease()
    {
        IReadOnlyList<Guid> atFirst = Observe(7);
        _time.Advance(Lease - TimeSpan.FromMilliseconds(1));
        IReadOnlyList<Guid> before = Observe(7);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Empty(atFirst);
        Assert.Empty(before);
        Assert.Equal([_member], Observe(7));
    }

    [Fact]
    public void Observe_CounterMoves_StartsTheLeaseAgain()
    {
        Observe(7);
        _time.Advance(Lease);
        Observe(8);
        _time.Advance(Lease / 2);

        Assert.Empty(Observe(8));
    }

    [Fact]
    public void Restart_AfterTheDatabaseWasAway_ForgetsOldSights()
    {
        Observe(7);
        _time.Advance(Lease);
        _watch.Restart();

        Assert.Empty(Observe(7));
    }

    private IReadOnlyList<Guid> Observe(long counter) => _watch.Observe(new Dictionary<Guid, long> { [_member] = counter });
}
