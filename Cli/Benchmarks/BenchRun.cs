using System.Diagnostics;
using System.Globalization;
using GlmCluster.Bench;
using GlmCluster.Bench.Http;
using GlmCluster.Cli.Serving;
using GlmCluster.Engine.Loop;
using GlmCluster.Silo.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Cli.Benchmarks;

/// <summary>All measurements of one model: the bare engine, then engine and whole server in turns, with the same chats on the same loaded weights.</summary>
/// <param name="subject">What is measured.</param>
/// <param name="clients">Clients of the chats, one measurement each.</param>
/// <param name="rounds">Turns of engine and server; a machine's speed changes, so a ratio is taken within each and the median counts.</param>
internal sealed class BenchRun(BenchModel subject, IReadOnlyList<int> clients, int rounds)
{
    private const int FirstTokenRequests = 20;
    private const int LongPromptTokens = 8192;

    /// <summary>What a prompt beside running streams would take alone, at most.</summary>
    private static readonly TimeSpan LongPromptTime = TimeSpan.FromSeconds(10);

    /// <summary>What one decode measurement should take; a slow model generates fewer tokens.</summary>
    private static readonly TimeSpan DecodeTime = TimeSpan.FromSeconds(3);

    private static readonly int[] BatchSizes = [1, 8, 32];

    private readonly Dictionary<int, ChatRates> _chats = clients.ToDictionary(count => count, _ => new ChatRates());

    public async Task<BenchReport> RunAsync(CancellationToken cancellationToken)
    {
        using LoadedModel model = await subject.LoadAsync(cancellationToken);
        var report = new BenchReport(
            $"glm bench: {subject.Title}",
            [.. subject.Facts(model), ("setting", $"greedy; clients, gateway and engine share one process; medians of {rounds} rounds of chats")]);
        AddLoad(model, report);
        (BenchAmounts amounts, double prefillRate) = await MeasureEngineAsync(model, report);
        await MeasureSharingAsync(model, prefillRate, report);
        if (model.Stages.Length > 1)
        {
            await CompareStagesAsync(model, amounts, report, cancellationToken);
        }

        for (int round = 0; round < rounds; round++)
        {
            BenchModel.Announce($"chats, round {round + 1} of {rounds}");
            await MeasureEngineChatsAsync(model, amounts);
            await MeasureServerAsync(model, amounts, isFirst: round == 0, report, cancellationToken);
        }

        AddChats(report);
        report.Add("peak memory of the process", Environment.WorkingSet / 1048576.0, "MiB working set at the end", "N0");
        return report;
    }

    private static void AddLoad(LoadedModel model, BenchReport report)
    {
        using var process = Process.GetCurrentProcess();
        report.Add("load", model.LoadTime.TotalSeconds, "s", "N2");
        report.Add("load: read cached weights", model.WeightLoad.Read.TotalSeconds, "s", "N2");
        report.Add("load: verify them", model.WeightLoad.Verify.TotalSeconds, "s", "N2");
        report.Add("load: convert weights", model.WeightLoad.Convert.TotalSeconds, "s", "N2");
        report.Add("load: prepack", model.WeightLoad.Prepack.TotalSeconds, "s", "N2");
        report.Add("load: weights", model.Sizes.WeightBytes / 1048576.0, "MiB", "N0");
        report.Add("load: peak memory of the process", process.PeakWorkingSet64 / 1048576.0, "MiB", "N0");
    }

    private static async Task<(BenchAmounts Amounts, double PrefillRate)> MeasureEngineAsync(LoadedModel model, BenchReport report)
    {
        using GenerationEngine engine = StartEngine(model, out EngineBenchmark benchmark);
        BenchModel.Announce($"nothing yet: warming up");
        await benchmark.WarmUpAsync(DecodeTime);
        BenchModel.Announce($"prefill");
        double prefillRate = await benchmark.PrefillTokensPerSecondAsync(model.Sizes.ContextTokens);
        report.Add("engine: prefill of 512 tokens", prefillRate, "tokens/s");
        EngineRun probe = await benchmark.DecodeAsync(sequences: 1, tokensEach: 8);
        BenchAmounts amounts = BenchAmounts.For(probe.DecodeTokensPerSecond * DecodeTime.TotalSeconds);
        foreach (int sequences in BatchSizes)
        {
            BenchModel.Announce($"decode, {sequences} sequences");
            EngineRun run = await benchmark.DecodeAsync(sequences, amounts.DecodeTokens);
            report.Add(BenchModel.Invariant($"engine: decode, batch of {sequences}"), run.DecodeTokensPerSecond, "tokens/s");
            report.Add(BenchModel.Invariant($"engine: allocated, batch of {sequences}"), run.AllocatedPerToken, "bytes/token");
        }

        return (amounts, prefillRate);
    }

    /// <summary>What sequences get from each other, and take from each other.</summary>
    private static async Task MeasureSharingAsync(LoadedModel model, double prefillRate, BenchReport report)
    {
        using var benchmark = new SharingBenchmark(model.Runner, model.EngineLimits);
        BenchModel.Announce($"the tenth turn of a conversation");
        TurnTimes turns = await benchmark.TurnsAsync();
        report.Add(
            BenchModel.Invariant($"engine: time to first token, turn 10 ({turns.PromptTokens} tokens, {turns.NewTokens} new)"), turns.Turn.TotalMilliseconds, "ms");
        report.Add(BenchModel.Invariant($"engine: time to first token, fresh prompt of {turns.NewTokens} tokens"), turns.Fresh.TotalMilliseconds, "ms");
        BenchModel.Announce($"streams beside a long prompt");
        PaceTimes pace = await benchmark.PaceAsync((int)Math.Min(LongPromptTokens, prefillRate * LongPromptTime.TotalSeconds));
        string beside = BenchModel.Invariant($"{pace.Streams} streams beside a prompt of {pace.PromptTokens} tokens");
        AddGaps(report, beside, pace.Beside);
        AddGaps(report, BenchModel.Invariant($"{pace.Streams} streams alone"), pace.Alone);
        report.Add("engine: time between tokens, beside ÷ alone, mean", Mean(pace.Beside) / Mean(pace.Alone), "ratio", "N2");
        report.Add("engine: time between tokens, beside ÷ alone, p50", Milliseconds(pace.Beside, 0.5) / Milliseconds(pace.Alone, 0.5), "ratio", "N2");
        report.Add("engine: time between tokens, beside ÷ alone, p95", Milliseconds(pace.Beside, 0.95) / Milliseconds(pace.Alone, 0.95), "ratio", "N2");
        report.Add("engine: time to first token of that prompt", pace.UntilFirstToken.TotalSeconds, "s", "N2");
    }

    private static void AddGaps(BenchReport report, string which, IReadOnlyList<TimeSpan> gaps)
    {
        report.Add($"engine: time between tokens, {which}, mean of {gaps.Count.ToString("N0", CultureInfo.InvariantCulture)}", Mean(gaps), "ms", "N2");
        report.Add($"engine: time between tokens, {which}, p50", Milliseconds(gaps, 0.5), "ms", "N2");
        report.Add($"engine: time between tokens, {which}, p95", Milliseconds(gaps, 0.95), "ms", "N2");
    }

    private static double Mean(IReadOnlyList<TimeSpan> times) => times.Count == 0 ? double.NaN : times.Average(time => time.TotalMilliseconds);

    /// <param name="sorted">Times in order of size.</param>
    private static double Milliseconds(IReadOnlyList<TimeSpan> sorted, double quantile) =>
        sorted.Count == 0 ? double.NaN : sorted[(int)((sorted.Count - 1) * quantile)].TotalMilliseconds;

    /// <summary>The same model on the first device alone, in turns with the stages.</summary>
    private async Task CompareStagesAsync(LoadedModel staged, BenchAmounts amounts, BenchReport report, CancellationToken cancellationToken)
    {
        BenchModel single = subject with { Settings = subject.Settings with { Device = staged.Stages[0].Device.ToString() } };
        using LoadedModel whole = await single.LoadAsync(cancellationToken);
        List<double> decodes = [];
        List<double> prefills = [];
        for (int round = 0; round < rounds; round++)
        {
            BenchModel.Announce($"stages and one device, round {round + 1} of {rounds}");
            (double stagedDecode, double stagedPrefill) = await MeasureRatesAsync(staged, amounts);
            (double wholeDecode, double wholePrefill) = await MeasureRatesAsync(whole, amounts);
            decodes.Add(stagedDecode / wholeDecode);
            prefills.Add(stagedPrefill / wholePrefill);
        }

        string what = $"{staged.Stages.Length} stages ÷ one device with all threads";
        report.Add($"{what}, decode, batch of {BatchSizes[^1]}", BenchAmounts.Median(decodes), "ratio", "N2");
        report.Add($"{what}, prefill of 512 tokens", BenchAmounts.Median(prefills), "ratio", "N2");
    }

    private static async Task<(double Decode, double Prefill)> MeasureRatesAsync(LoadedModel model, BenchAmounts amounts)
    {
        using GenerationEngine engine = StartEngine(model, out EngineBenchmark benchmark);
        EngineRun run = await benchmark.DecodeAsync(BatchSizes[^1], amounts.DecodeTokens);
        return (run.DecodeTokensPerSecond, await benchmark.PrefillTokensPerSecondAsync(model.Sizes.ContextTokens));
    }

    private async Task MeasureEngineChatsAsync(LoadedModel model, BenchAmounts amounts)
    {
        using GenerationEngine engine = StartEngine(model, out EngineBenchmark benchmark);
        foreach (int count in clients)
        {
            List<string> messages = BenchPrompts.Messages(count * amounts.ChatsPerClient(count));
            _chats[count].Engine.Add((await benchmark.ChatsAsync(messages, count, amounts.ChatTokens)).TokensPerSecond);
        }
    }

    private async Task MeasureServerAsync(
        LoadedModel model, BenchAmounts amounts, bool isFirst, BenchReport report, CancellationToken cancellationToken)
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(subject.Settings, model, progress: null, cancellationToken);
        var load = new HttpLoad(new ChatServer(server.Url, model.Card.Model.Name, IgnoresEnd: false));
        await load.RunAsync(BenchPrompts.Messages(4), concurrency: 2, maxTokens: 4, cancellationToken); // warm-up
        if (isFirst)
        {
            HttpRun first = await load.RunAsync(BenchPrompts.Messages(FirstTokenRequests), concurrency: 1, maxTokens: 4, cancellationToken);
            report.Add("HTTP: time to first token, idle server, p50", HttpRun.MillisecondsAt(first.Firsts, 0.5), "ms", "N2");
            report.Add("HTTP: time to first token, idle server, p95", HttpRun.MillisecondsAt(first.Firsts, 0.95), "ms", "N2");
        }

        foreach (int count in clients)
        {
            long allocated = GC.GetTotalAllocatedBytes(precise: false);
            _chats[count].Http.Add(await load.RunAsync(
                BenchPrompts.Messages(count * amounts.ChatsPerClient(count)), count, amounts.ChatTokens, cancellationToken));
            _chats[count].AllocatedBytes += GC.GetTotalAllocatedBytes(precise: false) - allocated;
        }
    }

    private void AddChats(BenchReport report)
    {
        foreach ((int count, ChatRates rates) in _chats)
        {
            HttpRun http = HttpRun.Join(rates.Http);
            string who = BenchModel.Invariant($"{count} clients");
            report.Add($"engine: chats, {who}", BenchAmounts.Median(rates.Engine), "tokens/s");
            report.Add($"HTTP: chats, {who}", BenchAmounts.Median(rates.Http.Select(run => run.TokensPerSecond)), "tokens/s");
            report.Add($"HTTP ÷ engine, {who}", BenchAmounts.Median(rates.Http.Zip(rates.Engine, (run, engine) => run.TokensPerSecond / engine)), "ratio", "N2");
            report.Add($"HTTP: time to first token, {who}, p50", HttpRun.MillisecondsAt(http.Firsts, 0.5), "ms");
            report.Add($"HTTP: time to first token, {who}, p95", HttpRun.MillisecondsAt(http.Firsts, 0.95), "ms");
            report.Add($"HTTP: time between tokens, {who}, p50", HttpRun.MillisecondsAt(http.Gaps, 0.5), "ms");
            report.Add($"HTTP: time between tokens, {who}, p95", HttpRun.MillisecondsAt(http.Gaps, 0.95), "ms");
            report.Add($"HTTP: allocated, {who}, clients included", rates.AllocatedBytes / (double)Math.Max(http.Tokens, 1), "bytes/token", "N0");
        }
    }

    internal static GenerationEngine StartEngine(LoadedModel model, out EngineBenchmark benchmark)
    {
        var load = new EngineLoad();
        var engine = new GenerationEngine(model.Runner, model.EngineLimits, load, NullLogger.Instance);
        load.Engine = engine;
        benchmark = new EngineBenchmark(load, model.Text, model.Card.VocabularySize);
        engine.Start();
        return engine;
    }

    /// <summary>What each round gave for one number of clients.</summary>
    private sealed class ChatRates
    {
        /// <summary>Tokens per second.</summary>
        public List<double> Engine { get; } = [];

        public List<HttpRun> Http { get; } = [];

        public long AllocatedBytes { get; set; }
    }
}
