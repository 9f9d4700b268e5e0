using GlmCluster.Bench;
using GlmCluster.Bench.Http;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Cli.Settings;
using GlmCluster.Cli.Tests.EndToEnd;
using GlmCluster.Silo.Synthetic;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Cluster;

/// <summary>Many streams at once through two gateways and two silos, whose model is a pure function that the test knows.</summary>
public sealed class ManyStreamsTests
{
    private const int Streams = 200;
    private const int TokensEach = 40;

    [Fact]
    public async Task Streams_TwoGatewaysAndTwoSilos_NothingIsLost()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), PostgresServer.OnlyOnLinux);
        await using PostgresServer postgres = await PostgresServer.StartAsync(CancellationToken.None);
        string database = postgres.ConnectionString;
        string[] synthetic = ["--synthetic", "--steps-per-second", "20", "--max-sequences", "128"];
        await using ClusterProcess first = await ClusterProcess.StartSiloAsync(database, synthetic);
        ClusterProcess[] others = await Task.WhenAll(
            ClusterProcess.StartSiloAsync(database, synthetic), ClusterProcess.StartGatewayAsync(database), ClusterProcess.StartGatewayAsync(database));
        await using ClusterProcess second = others[0];
        await using ClusterProcess gateway = others[1];
        await using ClusterProcess otherGateway = others[2];
        List<ChatServer> servers = [];
        foreach (Uri url in (Uri[])[gateway.Url, otherGateway.Url])
        {
            using var api = new ChatApi(url);
            await api.WaitUntilReadyAsync();
            servers.Add(await ChatServer.FindAsync(url, "synthetic", TestContext.Current.CancellationToken));
        }

        List<string> messages = BenchPrompts.Messages(Streams);
        HttpRun run = await new HttpLoad(servers).RunAsync(messages, Streams, TokensEach, TestContext.Current.CancellationToken);

        var text = TextModel.Load(TextAssets.FromFolder(UserFolders.BundledModel));
        var language = new SyntheticLanguage(text.Tokenizer);
        Assert.Equal(messages.Select(message => language.Say(Render(text, message), TokensEach)), run.Answers.OrderBy(answer => answer.Request).Select(answer => answer.Content));
        Assert.Equal(Streams * TokensEach, run.Tokens);
    }

    private static int[] Render(TextModel text, string message) =>
        text.ChatTemplate!.Render([new ChatMessage(ChatRole.User, message, [])], [], ChatOptions.Default).ToArray();
}
