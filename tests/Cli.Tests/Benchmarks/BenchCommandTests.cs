using GlmCluster.Cli.Tests.Clients;

namespace GlmCluster.Cli.Tests.Benchmarks;

public sealed class BenchCommandTests(RunningServer peer) : IClassFixture<RunningServer>
{
    [Fact]
    public async Task Bench_Peer_PrintsBothSidesAndTheRatio()
    {
        using GlmProcess glm = GlmProcess.Start("bench", "--peer", $"{peer.Url}v1", "--peer-model", "glm-nano", "--clients", "2", "--rounds", "1");

        string report = await glm.Output.ReadToEndAsync();

        Assert.Equal(0, await glm.WaitAsync());
        string[][] rows = [.. report.Split('\n').Where(line => line.Contains(" | 2 | ", StringComparison.Ordinal)).Select(line => line.Split('|', StringSplitOptions.TrimEntries))];
        Assert.Equal(["GlmCluster", $"glm-nano at {peer.Url.Authority}"], rows.Select(row => row[1]));
        Assert.Equal(rows[0][^2], rows[1][^2]); // the same model gives the same answers
    }

    [Theory]
    [InlineData("--clients", "0,8")]
    [InlineData("--clients", "8;16")]
    [InlineData("--peer", "localhost:8080")]
    [InlineData("--rounds", "0")]
    public async Task Bench_ImpossibleOption_IsNamed(string option, string value)
    {
        using GlmProcess glm = GlmProcess.Start("bench", option, value);

        string errors = await glm.Errors.ReadToEndAsync();

        Assert.NotEqual(0, await glm.WaitAsync());
        Assert.Contains($"{option} is", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BenchCluster_UnknownPart_IsNamedWithThoseThatExist()
    {
        using GlmProcess glm = GlmProcess.Start("bench", "cluster", "--part", "pace,speed");

        string errors = await glm.Errors.ReadToEndAsync();

        Assert.NotEqual(0, await glm.WaitAsync());
        Assert.Contains("--part is \"pace,speed\". Allowed: pace, rate, silos, synthetic, streams", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bench_PeerThatIsNotThere_IsNamed()
    {
        using GlmProcess glm = GlmProcess.Start("bench", "--peer", "http://127.0.0.1:1");

        string errors = await glm.Errors.ReadToEndAsync();

        Assert.Equal(1, await glm.WaitAsync());
        Assert.Contains("http://127.0.0.1:1/", errors, StringComparison.Ordinal);
    }
}
