using GlmCluster.Bench;
using GlmCluster.Bench.Http;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Cli.Settings;
using GlmCluster.Silo.Synthetic;

namespace GlmCluster.Cli.Benchmarks.Cluster;

/// <summary>A thousand streams at once through two gateways and two silos, each compared with what the synthetic model must say.</summary>
internal static class StreamCheck
{
    private const int Streams = 1000;
    private const int TokensEach = 50;
    private const double StepsPerSecond = 5;

    /// <exception cref="BenchException">A stream broke, or is not what it must be.</exception>
    public static async Task MeasureAsync(ClusterBench bench, BenchReport report, CancellationToken cancellationToken)
    {
        ServeSettings settings = bench.Settings with { MaxSequences = 512, StepTokens = 1024 };
        await using BenchCluster cluster = await BenchCluster.StartAsync(
            settings, gateways: 2, silos: 2, planned: 2, ClusterBench.SyntheticArguments(StepsPerSecond), cancellationToken);
        BenchModel.Announce($"{Streams} streams");
        List<string> messages = BenchPrompts.Messages(Streams);
        ClusterUse before = await cluster.ReadUseAsync(cancellationToken);
        HttpRun run = await new HttpLoad(cluster.Servers).RunAsync(messages, Streams, TokensEach, cancellationToken);
        ClusterUse use = await cluster.ReadUseAsync(cancellationToken) - before;
        int wrong = CountWrong(run, messages, settings.ModelFolder);

        report.AddTable(
            BenchModel.Invariant($"{Streams} streams at once, two gateways, two synthetic silos, {StepsPerSecond} steps/s"),
            "complete", "with a wrong, lost or repeated token", "tokens", "tokens/s", "first token p50, s", "p99, s");
        report.AddRow(
            "",
            BenchModel.Invariant($"{run.Answers.Count:N0}"),
            BenchModel.Invariant($"{wrong:N0}"),
            BenchModel.Invariant($"{run.Tokens:N0}"),
            BenchModel.Invariant($"{run.TokensPerSecond:N0}"),
            BenchModel.Invariant($"{HttpRun.MillisecondsAt(run.Firsts, 0.5) / 1000:N2}"),
            BenchModel.Invariant($"{HttpRun.MillisecondsAt(run.Firsts, 0.99) / 1000:N2}"));
        ClusterBench.AddUse(report, BenchModel.Invariant($"{Streams} streams, {StepsPerSecond} steps/s"), use, run.Tokens);
    }

    private static int CountWrong(HttpRun run, List<string> messages, string textFolder)
    {
        var text = TextModel.Load(TextAssets.FromFolder(textFolder));
        var language = new SyntheticLanguage(text.Tokenizer);
        return run.Answers.Count(answer => answer.Content != language.Say(Render(text, messages[answer.Request]), TokensEach));
    }

    private static int[] Render(TextModel text, string message) =>
        text.ChatTemplate!.Render([new ChatMessage(ChatRole.User, message, [])], [], ChatOptions.Default).ToArray();
}
