using System.Text.Json.Nodes;
using GlmCluster.Cli.Serving;

namespace GlmCluster.Cli.Chaos;

/// <summary>
/// One run:
/// 1. An undisturbed server in this process says what each request must be answered.
/// 2. A cluster starts, and clients ask it the same.
/// 3. Faults are made while they ask.
/// 4. Once all works again: usage, conversations, and what is left over.
/// </summary>
internal sealed class ChaosRun(ChaosPlan plan)
{
    private const int Requests = 60;

    private readonly ChaosReport _report = new();
    private readonly List<IReadOnlyList<Delivery>> _conversations = []; // locked by itself

    /// <returns>Whether nothing was lost, repeated or changed; and the report.</returns>
    public async Task<(bool IsClean, string Report)> RunAsync(string folder, CancellationToken stopping)
    {
        // 1.
        Tell("Asking an undisturbed server what must come out ...");
        IReadOnlyList<ExpectedAnswers> expected = await LearnAsync(stopping);

        // 2.
        Tell("Starting PostgreSQL, gateways and silos ...");
        await using ChaosCluster cluster = await ChaosCluster.StartAsync(plan, folder, stopping);
        using var client = new ChaosClient(cluster.Urls, new Random(plan.Seed));
        var aftermath = new ChaosAftermath(cluster, client);
        int blocks = await aftermath.WaitForBlocksAsync(plan.Silos, stopping);

        // 3.
        using var faultTime = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        faultTime.CancelAfter(plan.Time);
        var faults = new ChaosFaults(cluster, new Random(plan.Seed), _report.NoteFault);
        Task[] clients = [.. Enumerable.Range(1, plan.Clients).Select(number => AskUntilAsync(cluster, number, expected, faultTime.Token))];
        Task progress = ShowProgressAsync(Task.WhenAll(clients));
        await faults.RunAsync(faultTime.Token);
        await Task.WhenAll(clients);
        await progress;

        // 4.
        Tell("Checking usage, conversations and what is left over ...");
        foreach (string left in await aftermath.FindLeftoversAsync(blocks, plan.Silos, CancellationToken.None))
        {
            _report.NoteProblem($"Left over: {left}.");
        }

        int usageFaults = await aftermath.CountUsageFaultsAsync(_report.Answers, CancellationToken.None);
        int broken = await CountBrokenAsync(aftermath);
        string page = _report.Write(plan, usageFaults, _conversations.Count, broken);
        return (_report.IsClean && usageFaults == 0 && broken == 0, page);
    }

    private async Task<IReadOnlyList<ExpectedAnswers>> LearnAsync(CancellationToken stopping)
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(
            plan.Settings.ForEmbeddedServer(), loaded: null, progress: null, stopping);
        var random = new Random(plan.Seed);
        return await ChaosOracle.AskAsync(
            server, [.. Enumerable.Range(0, Requests).Select(_ => ChaosRequest.Draw(random, plan.Settings.ModelName))], stopping);
    }

    /// <summary>One client: asks what it draws until the time is over, and compares.</summary>
    private async Task AskUntilAsync(ChaosCluster cluster, int number, IReadOnlyList<ExpectedAnswers> expected, CancellationToken faultTime)
    {
        var random = new Random(HashCode.Combine(plan.Seed, number));
        using var client = new ChaosClient(cluster.Urls, random);
        while (!faultTime.IsCancellationRequested)
        {
            (ChaosRequest request, IReadOnlyList<Delivery> wanted) = expected[random.Next(expected.Count)];
            List<Delivery> answers = [];
            foreach (JsonObject turn in request.Turns)
            {
                answers.Add(await client.AskAsync(ChaosOracle.Continue(turn, answers), request.Streams, request.Leaves, faultTime, CancellationToken.None));
                _report.Note(answers[^1], wanted[answers.Count - 1], turn.ToJsonString());
                if (answers[^1].Error is not null)
                {
                    break;
                }
            }

            if (answers.Count > 1 && answers.Count == request.Turns.Count)
            {
                lock (_conversations)
                {
                    _conversations.Add(answers);
                }
            }
        }

        _report.NoteReturns(client.Returns);
    }

    private async Task<int> CountBrokenAsync(ChaosAftermath aftermath)
    {
        int broken = 0;
        foreach (IReadOnlyList<Delivery> answers in _conversations)
        {
            broken += await aftermath.IsWholeAsync(answers, CancellationToken.None) ? 0 : 1;
        }

        return broken;
    }

    /// <summary>A line that is written over, or one every half minute where nobody watches.</summary>
    private async Task ShowProgressAsync(Task work)
    {
        TimeSpan period = Console.IsErrorRedirected ? TimeSpan.FromSeconds(30) : TimeSpan.FromSeconds(1);
        while (await Task.WhenAny(work, Task.Delay(period)) != work)
        {
            await Console.Error.WriteAsync(Console.IsErrorRedirected ? $"{_report.Progress}\n" : $"\r{_report.Progress}\e[K");
        }

        await Console.Error.WriteLineAsync();
    }

    private static void Tell(string what) => Console.Error.WriteLine(what);
}
