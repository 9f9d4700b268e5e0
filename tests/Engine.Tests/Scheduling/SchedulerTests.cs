using GlmCluster.Engine.KvCache;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Scheduling;
using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Tests.Loop;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Engine.Tests.Scheduling;

public sealed class SchedulerTests
{
    private const int BlockTokens = 4;
    private const int Context = 64;
    private const int MaxSequences = 4;

    private readonly StepPlan _plan = new(MaxSequences, tokenBudget: 10);
    private long _lastId;

    [Fact]
    public void Plan_DecodingAndPrefilling_DecodesFirstAndFillsTheBudget()
    {
        Scheduler scheduler = Create(blockCount: 100);
        Enqueue(scheduler, 3, 5, 20, 2);
        Step(scheduler); // 3 + 5 + 2 of the third

        Assert.Equal([(1, 1), (2, 1), (3, 8)], Step(scheduler));
        Assert.Equal([(1, 1), (2, 1), (3, 8)], Step(scheduler));
        Assert.Equal([(1, 1), (2, 1), (3, 2), (4, 2)], Step(scheduler));
        Assert.Equal([(1, 1), (2, 1), (3, 1), (4, 1)], Step(scheduler));
    }

    [Fact]
    public void Plan_HeadOfTheQueueTooLarge_NobodyOvertakesIt()
    {
        Scheduler scheduler = Create(blockCount: 16);
        Enqueue(scheduler, 4, 63, 1);

        Assert.Equal([(1, 4)], Step(scheduler));
        Assert.Equal([(1, 1)], Step(scheduler));
        scheduler.Remove(scheduler.Running[0]);
        Assert.Equal([(2, 10)], Step(scheduler));
    }

    [Fact]
    public void Plan_FullBatch_AdmitsWhenOneEnds()
    {
        Scheduler scheduler = Create(blockCount: 100);
        Enqueue(scheduler, 1, 1, 1, 1, 1);
        Assert.Equal(MaxSequences, Step(scheduler).Count);

        scheduler.Remove(scheduler.Running[1]);

        Assert.Equal([1, 3, 4, 5], Step(scheduler).Select(p => p.Id));
    }

    [Fact]
    public void Plan_AloneRequest_RunsWithNoOtherUntilItHasAToken()
    {
        Scheduler scheduler = Create(blockCount: 100);
        Enqueue(scheduler, 2);
        scheduler.Enqueue(NewSequence(2, alone: true));
        Enqueue(scheduler, 2);

        Assert.Equal([(1, 2)], Step(scheduler));
        Assert.Equal([(1, 1)], Step(scheduler));
        scheduler.Remove(scheduler.Running[0]);
        Assert.Equal([(2, 2)], Step(scheduler));
        Assert.Equal([(2, 1), (3, 2)], Step(scheduler));
    }

    [Fact]
    public void Reserve_OutOfBlocks_PreemptsTheNewestAndPutsItFirstInTheQueue()
    {
        Scheduler scheduler = Create(blockCount: 16);
        Enqueue(scheduler, 3, 3, 3);
        while (scheduler.Preemptions == 0)
        {
            Step(scheduler);
        }

        Enqueue(scheduler, 1);
        Sequence preempted = scheduler.Waiting[0];
        Assert.Equal((3, 0, 0), (preempted.Id, preempted.CachedTokens, preempted.Blocks!.Count));
        Assert.Equal([1, 2], scheduler.Running.Select(s => s.Id));
        Assert.Equal([3, 4], scheduler.Waiting.Select(s => s.Id));

        scheduler.Remove(scheduler.Running[0]);
        Assert.Equal([(2, 1), (3, 5), (4, 1)], Step(scheduler)); // what the others have taken of its blocks is computed again
    }

    [Fact]
    public void Reserve_OldestSequence_RunsToTheEndOfTheContext()
    {
        Scheduler scheduler = Create(blockCount: 16);
        Enqueue(scheduler, 3, 3, 3, 3);
        Sequence oldest = scheduler.Waiting[0];
        int steps = 0;
        while (oldest.End == SequenceEnd.None)
        {
            Assert.Equal(1, Step(scheduler)[0].Id);
            steps++;
        }

        Assert.Equal((Context - 3, SequenceEnd.Length), (steps, oldest.End));
    }

    [Fact]
    public void Plan_TwoCallers_TakesTurnsByWhatTheyGot()
    {
        Scheduler scheduler = Create(blockCount: 100);
        Enqueue(scheduler, 30, 30);
        Step(scheduler); // 10 for the first caller
        scheduler.Enqueue(NewSequence(30, caller: "light"));

        Assert.Equal([(1, 10)], Step(scheduler)); // who comes starts where the others are
        Assert.Equal([(3, 10)], Step(scheduler));
        Assert.Equal([(1, 10)], Step(scheduler));
        Assert.Equal([(1, 1), (3, 9)], Step(scheduler));
    }

    [Fact]
    public void Plan_LowerPriority_WaitsAndGivesItsPlace()
    {
        Scheduler scheduler = Create(blockCount: 100);
        for (int i = 0; i < MaxSequences; i++)
        {
            scheduler.Enqueue(NewSequence(2, priority: 1));
        }

        Step(scheduler);
        Enqueue(scheduler, 2, 2);
        scheduler.Enqueue(NewSequence(2, priority: 2));

        Assert.Equal([(1, 1), (2, 1), (5, 2), (6, 2)], Step(scheduler));
        Assert.Equal([3, 4, 7], scheduler.Waiting.Select(s => s.Id).Order());
        scheduler.Remove(scheduler.Find(5)!);
        scheduler.Remove(scheduler.Find(6)!);
        Assert.Equal([(1, 1), (2, 1), (3, 1), (4, 1)], Step(scheduler)); // found again in the cache
    }

    [Fact]
    public void Plan_LowerPriorityHoldsTheBlocks_GivesThem()
    {
        Scheduler scheduler = Create(blockCount: 16);
        scheduler.Enqueue(NewSequence(40, priority: 1));
        while (Step(scheduler) is not [(1, 1)])
        {
        }

        Enqueue(scheduler, 40);

        Assert.Equal([(2, 9)], Step(scheduler)); // the room of a token had been the other's
        Assert.Equal([1], scheduler.Waiting.Select(s => s.Id));
    }

    [Fact]
    public void Plan_FullBatchOfOneCaller_AnotherCallerGetsOnePlace()
    {
        Scheduler scheduler = Create(blockCount: 100);
        Enqueue(scheduler, 2, 2, 2, 2);
        Step(scheduler);
        scheduler.Enqueue(NewSequence(2, caller: "light"));
        scheduler.Enqueue(NewSequence(2, caller: "light"));

        Assert.Equal([(1, 1), (2, 1), (3, 1), (5, 2)], Step(scheduler));
        Assert.Equal([(1, 1), (2, 1), (3, 1), (5, 1)], Step(scheduler));
        Assert.Equal([4, 6], scheduler.Waiting.Select(s => s.Id).Order());
    }

    [Fact]
    public void Remove_RunningAndWaiting_FreesTheirBlocks()
    {
        Scheduler scheduler = Create(blockCount: 16);
        Enqueue(scheduler, 9, 60);
        Step(scheduler);
        Assert.Equal(13, scheduler.FreeBlocks);

        scheduler.Remove(scheduler.Find(2)!);
        scheduler.Remove(scheduler.Find(1)!);

        Assert.Equal(16, scheduler.FreeBlocks);
        Assert.Null(scheduler.Find(1));
        Assert.Null(scheduler.Find(2));
    }

    [Fact]
    public void RandomOperations_KeepTheInvariants()
    {
        const int Seed = 11;
        var random = new Random(Seed);
        Scheduler scheduler = Create(blockCount: 16);
        for (int operation = 0; operation < 20_000; operation++)
        {
            switch (random.Next(8))
            {
                case 0 when scheduler.Waiting.Count < 10:
                    scheduler.Enqueue(NewSequence(random.Next(1, Context), alone: random.Next(10) == 0, vocabularySize: 2, priority: random.Next(2), caller: $"{random.Next(3)}"));
                    break;
                case 1:
                    Sequence[] all = [.. scheduler.Running, .. scheduler.Waiting];
                    if (all.Length > 0)
                    {
                        scheduler.Remove(all[random.Next(all.Length)]);
                    }

                    break;
                default:
                    Step(scheduler);
                    break;
            }

            SchedulerInvariants.Check(scheduler, MaxSequences, BlockTokens);
            Assert.Null(KvInvariants.FindViolation(scheduler.KvSnapshot()));
        }

        Assert.True(scheduler.Preemptions > 100, $"{scheduler.Preemptions} preemptions, seed {Seed}.");
    }

    private static Scheduler Create(int blockCount) => new(
        new SyntheticRunner(vocabularySize: 2, BlockTokens, blockCount),
        new GenerationEngineOptions { ContextTokens = Context, MaxSequences = MaxSequences, StepTokenBudget = 10, PrefillSlowdown = double.PositiveInfinity },
        NullLogger.Instance);

    private Sequence NewSequence(int promptTokens, bool alone = false, int vocabularySize = 10_000, int priority = 0, string caller = "")
    {
        SequenceRequest request = Requests.Create((int)++_lastId, promptTokens, maxTokens: Context, vocabularySize);
        return new Sequence(_lastId, request with { Alone = alone, Priority = priority, Caller = caller }, Context);
    }

    private void Enqueue(Scheduler scheduler, params ReadOnlySpan<int> promptTokens)
    {
        foreach (int tokens in promptTokens)
        {
            scheduler.Enqueue(NewSequence(tokens));
        }
    }

    /// <summary>One step with no model: every sequence that would draw gets the id 0.</summary>
    private List<(long Id, int NewTokens)> Step(Scheduler scheduler)
    {
        scheduler.Plan(_plan);
        scheduler.Reserve(_plan);
        List<(long, int)> planned = [];
        foreach (PlannedSequence entry in _plan.Entries.ToArray())
        {
            planned.Add((entry.Sequence.Id, entry.NewTokens));
            bool draws = entry.Draws;
            scheduler.NoteComputed(entry.Sequence, entry.NewTokens);
            if (draws)
            {
                entry.Sequence.Append(0);
            }

            if (entry.Sequence.End != SequenceEnd.None)
            {
                scheduler.Remove(entry.Sequence);
            }
        }

        return planned;
    }
}
