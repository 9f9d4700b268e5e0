using System.Globalization;
using System.Reflection;
using GlmCluster.Bench;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Loop;
using GlmCluster.Silo.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Cli.Benchmarks;

/// <summary>One run of all measurements on one model: first the bare engine, then the whole server on the same loaded weights.</summary>
/// <param name="settings">Of the server; it takes a free port and keeps nothing.</param>
/// <param name="shape">Made-up weights of this shape; null: the folder of the settings.</param>
/// <param name="layers">Layers of the shape; null: as published.</param>
internal sealed class BenchRun(ServeSettings settings, string? shape, int? layers)
{
    private const int FirstTokenRequests = 20;

    /// <summary>What one decode measurement should take; a slow model generates fewer tokens.</summary>
    private static readonly TimeSpan DecodeTime = TimeSpan.FromSeconds(3);

    private static readonly int[] BatchSizes = [1, 8, 32];

    public async Task<BenchReport> RunAsync(CancellationToken cancellationToken)
    {
        LoadedModel model = await LoadAsync(cancellationToken);
        var report = new BenchReport($"glm bench: {Title}", Facts(model));
        report.Add("load", model.LoadTime.TotalSeconds, "s", "N2");
        report.Add("load: read cached weights", model.WeightLoad.Read.TotalSeconds, "s", "N2");
        report.Add("load: verify them", model.WeightLoad.Verify.TotalSeconds, "s", "N2");
        report.Add("load: convert weights", model.WeightLoad.Convert.TotalSeconds, "s", "N2");
        report.Add("load: prepack", model.WeightLoad.Prepack.TotalSeconds, "s", "N2");
        (Amounts amounts, Dictionary<int, double> engineRates) = await MeasureEngineAsync(model, report);

        // The server takes the loaded model over, and disposes it.
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(settings, (_, _) => Task.FromResult(model), progress: null, cancellationToken);
        await MeasureHttpAsync(server, amounts, engineRates, report, cancellationToken);
        report.Add("peak memory of the process", Environment.WorkingSet / 1048576.0, "MiB working set at the end", "N0");
        return report;
    }

    private string Title => shape is null ? settings.ModelName : layers is null ? shape : $"{shape} with {layers} layers";

    private async Task<LoadedModel> LoadAsync(CancellationToken cancellationToken)
    {
        using LoadProgressLine? progress = Console.IsErrorRedirected ? null : new LoadProgressLine(Console.Error);
        var loader = new ModelLoader(settings.ToLoadOptions(), TimeProvider.System, progress);
        if (shape is null)
        {
            return await loader.LoadFolderAsync(cancellationToken);
        }

        DecoderConfiguration configuration = ModelShapes.Get(shape, layers);
        var weights = new SyntheticWeights(configuration, seed: 1);
        return await loader.LoadSyntheticAsync(configuration, weights, SyntheticText.For(configuration), cancellationToken);
    }

    private IEnumerable<(string, string)> Facts(LoadedModel model)
    {
        string version = typeof(BenchRun).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
        yield return ("version", version);
        yield return ("model", Invariant($"{Title}, {model.Parameters / 1e6:N1} M parameters, weights {model.Card.WeightFormat}, KV f32"));
        yield return ("device", $"{settings.Device}, {settings.Threads} threads");
        yield return ("setting", "greedy; clients, gateway and engine share one process");
    }

    private static async Task<(Amounts Amounts, Dictionary<int, double> ChatRates)> MeasureEngineAsync(LoadedModel model, BenchReport report)
    {
        var load = new EngineLoad();
        using var engine = new GenerationEngine(model.Runner, model.EngineLimits, load, NullLogger.Instance);
        load.Engine = engine;
        engine.Start();
        var benchmark = new EngineBenchmark(load, model.Text, model.Card.VocabularySize);
        Announce("nothing yet: warming up");
        await benchmark.WarmUpAsync(DecodeTime);
        Announce("prefill");
        report.Add("engine: prefill of 512 tokens", await benchmark.PrefillTokensPerSecondAsync(model.Sizes.ContextTokens), "tokens/s");
        EngineRun probe = await benchmark.DecodeAsync(sequences: 1, tokensEach: 8);
        Amounts amounts = Amounts.For(probe.DecodeTokensPerSecond * DecodeTime.TotalSeconds);
        foreach (int sequences in BatchSizes)
        {
            Announce(Invariant($"decode, {sequences} sequences"));
            EngineRun run = await benchmark.DecodeAsync(sequences, amounts.DecodeTokens);
            report.Add(Invariant($"engine: decode, batch of {sequences}"), run.DecodeTokensPerSecond, "tokens/s");
            report.Add(Invariant($"engine: allocated, batch of {sequences}"), run.AllocatedPerToken, "bytes/token");
        }

        Dictionary<int, double> rates = [];
        foreach (int clients in BatchSizes)
        {
            Announce(Invariant($"chats, {clients} at once, bare engine"));
            List<string> messages = Messages(clients * amounts.ChatsPerClient);
            rates[clients] = (await benchmark.ChatsAsync(messages, clients, amounts.ChatTokens)).TokensPerSecond;
            report.Add(Invariant($"engine: chats, {clients} at once"), rates[clients], "tokens/s");
        }

        return (amounts, rates);
    }

    private static async Task MeasureHttpAsync(
        EmbeddedServer server, Amounts amounts, Dictionary<int, double> engineRates, BenchReport report, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = server.Url, Timeout = Timeout.InfiniteTimeSpan };
        var load = new HttpLoad(http, server.Model.Card.Model.Name);
        await load.RunAsync(Messages(4), concurrency: 2, maxTokens: 4, cancellationToken); // warm-up
        Announce("time to first token");
        HttpRun first = await load.RunAsync(Messages(FirstTokenRequests), concurrency: 1, maxTokens: 4, cancellationToken);
        report.Add("HTTP: time to first token, idle server, p50", first.FirstTokenAt(0.5).TotalMilliseconds, "ms", "N2");
        report.Add("HTTP: time to first token, idle server, p95", first.FirstTokenAt(0.95).TotalMilliseconds, "ms", "N2");
        foreach (int clients in BatchSizes)
        {
            Announce(Invariant($"chats, {clients} clients over HTTP"));
            long allocated = GC.GetTotalAllocatedBytes(precise: false);
            HttpRun run = await load.RunAsync(Messages(clients * amounts.ChatsPerClient), clients, amounts.ChatTokens, cancellationToken);
            allocated = GC.GetTotalAllocatedBytes(precise: false) - allocated;
            report.Add(Invariant($"HTTP: chats, {clients} clients"), run.TokensPerSecond, "tokens/s");
            report.Add(Invariant($"HTTP ÷ engine, {clients} clients"), run.TokensPerSecond / engineRates[clients], "ratio", "N2");
            report.Add(Invariant($"HTTP: time to first token, {clients} clients, p95"), run.FirstTokenAt(0.95).TotalMilliseconds, "ms", "N1");
            report.Add(Invariant($"HTTP: allocated, {clients} clients, clients included"), allocated / (double)Math.Max(run.Tokens, 1), "bytes/token", "N0");
        }
    }

    private static List<string> Messages(int count) => [.. Enumerable.Range(0, count).Select(BenchPrompts.Message)];

    private static void Announce(string what)
    {
        if (!Console.IsErrorRedirected)
        {
            Console.Error.WriteLine($"measuring {what} ...");
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>How much each measurement generates.</summary>
    /// <param name="DecodeTokens">By each sequence of a decode measurement.</param>
    /// <param name="ChatTokens">At most, by each chat.</param>
    /// <param name="ChatsPerClient">One after the other.</param>
    private sealed record Amounts(int DecodeTokens, int ChatTokens, int ChatsPerClient)
    {
        /// <param name="affordableTokens">What one sequence generates in the time of a decode measurement.</param>
        public static Amounts For(double affordableTokens)
        {
            int decode = (int)Math.Clamp(affordableTokens, 16, 256);
            return new Amounts(decode, ChatTokens: Math.Min(64, decode), ChatsPerClient: decode < 64 ? 1 : 4);
        }
    }
}
