using GlmCluster.Cli.LocalCluster;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Cluster;

public sealed class RestartPolicyTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public void NoteEnd_SoonEachTime_WaitsTwiceAsLongThenGivesUp()
    {
        var policy = new RestartPolicy(_time);

        Assert.Equal([1, 2, 4, 8, null], Enumerable.Range(0, 5).Select(_ => RunFor(policy, seconds: 59)));
    }

    [Fact]
    public void NoteEnd_AfterALongRun_BeginsAnew()
    {
        var policy = new RestartPolicy(_time);
        double?[] before = [RunFor(policy, 1), RunFor(policy, 1), RunFor(policy, 1)];

        Assert.Equal([1, 2, 4], before);
        Assert.Equal([1, 2], new[] { RunFor(policy, seconds: 60), RunFor(policy, seconds: 1) });
    }

    private double? RunFor(RestartPolicy policy, int seconds)
    {
        policy.NoteStart();
        _time.Advance(TimeSpan.FromSeconds(seconds));
        return policy.NoteEnd()?.TotalSeconds;
    }
}
