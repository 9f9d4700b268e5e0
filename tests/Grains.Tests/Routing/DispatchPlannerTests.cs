using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Routing;

namespace GlmCluster.Grains.Tests.Routing;

/// <summary>Who begins next, and which workers are asked at all.</summary>
public sealed class DispatchPlannerTests
{
    private static readonly Dictionary<string, int> NobodyRuns = [];

    private readonly DispatchPlanner _planner = new(new Router(new LeastLoadedPolicy()));
    private long _queued;

    [Fact]
    public void Plan_CallerWithManyWaiting_DoesNotHoldUpOneThatComesLater()
    {
        PendingGeneration[] pending = [.. Many("alice", 500), .. Many("bob", 1)];

        Assert.Equal(["alice", "bob", "alice", "alice", "alice"], Callers(pending, NobodyRuns, Worker(slots: 4)));
    }

    [Fact]
    public void Plan_CallerWithWorkRunning_ComesAfterOneWithout()
    {
        PendingGeneration[] pending = [.. Many("alice", 3), .. Many("bob", 3)];
        Dictionary<string, int> running = new() { ["alice"] = 2 };

        Assert.Equal(["bob", "bob", "alice", "bob", "alice"], Callers(pending, running, Worker(slots: 4)));
    }

    [Fact]
    public void Plan_Priority_GoesFirstAndTakesThePlaceOfWhatGivesWay()
    {
        RoutedWorker full = Worker(slots: 1);
        full.Add(priority: 10, sequences: 2, isSuspect: false);
        PendingGeneration urgent = One("alice");

        Assert.Equal([urgent.Id], Ids([One("bob") with { Priority = 10 }, urgent, One("bob") with { Priority = 5 }], full)[..1]);
        Assert.Empty(Ids([One("bob") with { Priority = 10 }], full));
    }

    [Fact]
    public void Plan_CallersLimit_HoldsOnlyItsOwnBack()
    {
        PendingGeneration[] pending = [.. Many("alice", 5).Select(one => one with { CallerRunning = 2 }), .. Many("bob", 2)];

        Assert.Equal(["alice", "bob", "alice", "bob"], Callers(pending, NobodyRuns, Worker(slots: 32)));
        Assert.Equal(["bob", "alice", "bob"], Callers(pending, new() { ["alice"] = 1 }, Worker(slots: 32)));
    }

    [Fact]
    public void Plan_SuspectWithoutEmptyWorker_HoldsUpYoungerOnes()
    {
        RoutedWorker busy = Worker(slots: 4);
        busy.Add(0, 1, isSuspect: false);
        PendingGeneration older = One("alice");
        PendingGeneration suspect = One("bob") with { IsSuspect = true };

        Assert.Equal([older.Id], Ids([older, suspect, One("carol")], busy));
        Assert.Equal([suspect.Id], Ids([suspect, One("carol")], Worker(slots: 4)));
    }

    [Fact]
    public void Plan_Continuation_StaysInItsNumericsClassWhileThereIsOne()
    {
        RoutedWorker own = Worker(slots: 1, numericsClass: "a");
        RoutedWorker other = Worker(slots: 32, numericsClass: "b");
        own.Add(0, 2, isSuspect: false);
        PendingGeneration continuation = One("alice") with { HasTokens = true, NumericsClass = "a" };

        Assert.Empty(Ids([continuation], own, other));
        Assert.Equal([continuation.Id], Ids([continuation], other));
    }

    [Fact]
    public void Plan_TurnOfAConversation_PrefersItsNumericsClass()
    {
        RoutedWorker own = Worker(slots: 4, numericsClass: "a");
        RoutedWorker other = Worker(slots: 32, numericsClass: "b");
        own.Add(0, 4, isSuspect: false);
        PendingGeneration[] turns = [.. Many("alice", 2).Select(one => one with { NumericsClass = "a" })];

        Assert.Equal([own, other], Plan(turns, NobodyRuns, own, other).Select(planned => planned.Worker));
    }

    [Fact]
    public void Plan_PromptThatFindsNoMemory_GoesWhereThereIsSome()
    {
        RoutedWorker tight = Worker(slots: 32, freeBlocks: 10);
        RoutedWorker roomy = Worker(slots: 32, freeBlocks: 100);
        roomy.Add(0, 1, isSuspect: false);

        Assert.Equal([roomy], Plan([One("alice") with { PromptIds = [.. Enumerable.Range(0, 320)] }], NobodyRuns, tight, roomy).Select(planned => planned.Worker));
        Assert.Equal([tight], Plan([One("alice")], NobodyRuns, tight, roomy).Select(planned => planned.Worker));
    }

    [Fact]
    public void Plan_SeveralWorkers_ChargesEachBeforeTheNext()
    {
        RoutedWorker[] workers = [Worker(slots: 8), Worker(slots: 8), Worker(slots: 16)];

        Plan(Many("alice", 16), NobodyRuns, workers);

        Assert.Equal([4, 4, 8], workers.Select(worker => worker.Sequences));
    }

    private PendingGeneration One(string caller) => new()
    {
        Id = GenerationId.New(),
        Caller = caller,
        Priority = 0,
        Sequences = 1,
        QueuedNumber = ++_queued,
        IsSuspect = false,
        HasTokens = false,
        PromptIds = ImmutableArray<int>.Empty,
    };

    private PendingGeneration[] Many(string caller, int count) => [.. Enumerable.Range(0, count).Select(_ => One(caller))];

    private List<(PendingGeneration Generation, RoutedWorker Worker)> Plan(
        PendingGeneration[] pending, Dictionary<string, int> running, params RoutedWorker[] workers) =>
        [.. _planner.Plan(DispatchPlanner.Order(pending, running), workers)];

    private IEnumerable<string> Callers(PendingGeneration[] pending, Dictionary<string, int> running, params RoutedWorker[] workers) =>
        Plan(pending, running, workers).Select(planned => planned.Generation.Caller);

    private GenerationId[] Ids(PendingGeneration[] pending, params RoutedWorker[] workers) =>
        [.. Plan(pending, NobodyRuns, workers).Select(planned => planned.Generation.Id)];

    private static RoutedWorker Worker(int slots, string? numericsClass = null, int freeBlocks = 1000)
    {
        var hints = new WorkerHints();
        hints.Observe(new WorkerBeat(1, 0, freeBlocks, [1, 4, 32, 0, .. new byte[64]]));
        return new RoutedWorker(Guid.NewGuid(), new WorkerCard("w", new ModelReference("m", "h"), slots, 1000, numericsClass), hints);
    }
}
