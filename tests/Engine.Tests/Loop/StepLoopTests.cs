using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Tests.Loop;

public sealed class StepLoopTests
{
    [Fact]
    public void Turn_StopId_IsReportedAndNotKept()
    {
        using var harness = new LoopHarness();
        int[] free = Requests.Expected(Requests.Create(1, promptTokens: 5, maxTokens: 20));
        int stopId = free[7];
        int expectedCount = Array.IndexOf(free, stopId) + 1;
        harness.Submit(Requests.Create(1, promptTokens: 5, maxTokens: 20, stopIds: [1000, stopId]));

        harness.RunToEnd();

        Assert.Equal(free[..expectedCount], harness.Listener[1].Ids);
        Assert.Equal(new SequenceUpdate(1, stopId, expectedCount, SequenceEnd.Stop, expectedCount - 1), harness.Listener[1].Last);
    }

    [Fact]
    public void Turn_Logprobs_AreTheModelsOwnWhateverTheSampling()
    {
        using var harness = new LoopHarness();
        SequenceRequest request = Requests.Create(1, promptTokens: 5, maxTokens: 12) with { TopLogprobs = 3 };
        harness.Submit(request with
        {
            Sampling = request.Sampling with { Temperature = 0.1f, RepetitionPenalty = 1.5f, LogitBias = new TokenBias[] { new(3, 100) } },
        });

        harness.RunToEnd();

        List<int> ids = [.. request.PromptIds.Span];
        var row = new float[40];
        var top = new TokenLogprob[3];
        foreach (SequenceUpdate update in harness.Listener[1].Updates)
        {
            Engine.Tests.Loop.SyntheticModel.Logits([.. ids], row);
            Assert.Equal(Engine.Sampling.LogprobRow.Measure(row, update.TokenId, top), update.Logprob);
            Assert.Equal(top, update.TopLogprobs.ToArray());
            ids.Add(update.TokenId);
        }
    }

    [Fact]
    public void Turn_MaxTokensOne_EndsWithTheFirstToken()
    {
        using var harness = new LoopHarness();
        harness.Submit(Requests.Create(1, promptTokens: 5, maxTokens: 1));

        harness.RunToEnd();

        Assert.Equal((1, SequenceEnd.Length, 1), (harness.Listener[1].Last.Index, harness.Listener[1].Last.End, harness.Listener[1].Last.KeptTokens));
    }

    [Fact]
    public void Turn_LongestPrompt_GeneratesOneTokenToTheEndOfTheContext()
    {
        using var harness = new LoopHarness();
        harness.Submit(Requests.Create(1, promptTokens: 127, maxTokens: 20));

        harness.RunToEnd();

        Assert.Equal((1, SequenceEnd.Length), (harness.Listener[1].Last.Index, harness.Listener[1].Last.End));
    }

    [Fact]
    public void Turn_WatcherEnds_KeepsWhatItSays()
    {
        using var harness = new LoopHarness();
        SequenceRequest request = Requests.Create(1, promptTokens: 5, maxTokens: 20);
        var watcher = new EndingWatcher(endAt: 9, kept: 6);
        harness.Submit(request with { Watcher = watcher });

        harness.RunToEnd();

        Assert.Equal(Requests.Expected(request)[..9], watcher.Seen);
        Assert.Equal((9, SequenceEnd.Stop, 6), (harness.Listener[1].Last.Index, harness.Listener[1].Last.End, harness.Listener[1].Last.KeptTokens));
    }

    [Fact]
    public void Turn_ResumedWithWatcher_ReplaysTheEarlierIdsOnce()
    {
        using var harness = new LoopHarness();
        SequenceRequest request = Requests.Create(1, promptTokens: 5, maxTokens: 20);
        int[] expected = Requests.Expected(request);
        var watcher = new EndingWatcher(endAt: 9, kept: 6);
        harness.Submit(request with { Watcher = watcher, GeneratedIds = expected.AsMemory(0, 4) });

        harness.RunToEnd();

        Assert.Equal(expected[..9], watcher.Seen);
        Assert.Equal(expected[4..9], harness.Listener[1].Ids);
    }

    [Fact]
    public void Turn_WatcherThrows_FailsItsSequenceOnly()
    {
        using var harness = new LoopHarness();
        SequenceRequest neighbour = Requests.Create(2, promptTokens: 5, maxTokens: 20);
        harness.Submit(Requests.Create(1, promptTokens: 5, maxTokens: 20) with { Watcher = new ThrowingWatcher() });
        harness.Submit(neighbour);

        harness.RunToEnd();

        Assert.Equal((1, SequenceEnd.Failed), (harness.Listener[1].Last.Index, harness.Listener[1].Last.End));
        Assert.Equal(Requests.Expected(neighbour), harness.Listener[2].Ids);
    }

    [Theory]
    [InlineData(20, SequenceEnd.Length, 20)] // its limit
    [InlineData(12, SequenceEnd.Stop, 11)] // a stop id
    public void Turn_ResumedAtItsEnd_ReportsTheEndWithoutAStep(int generated, SequenceEnd end, int kept)
    {
        using var harness = new LoopHarness();
        int[] ids = [.. Enumerable.Repeat(3, generated - 1), 4];
        SequenceRequest request = Requests.Create(1, promptTokens: 5, maxTokens: 20, stopIds: generated < 20 ? [4] : []);
        harness.Submit(request with { GeneratedIds = ids });

        Assert.True(harness.Turn());

        Assert.Equal(0, harness.Runner.Runs);
        Assert.Equal([new SequenceUpdate(1, -1, generated, end, kept)], harness.Listener[1].Updates);
    }

    [Fact]
    public void Turn_ResumedAtTheEndOfTheContext_ReportsTheEndWithoutAStep()
    {
        using var harness = new LoopHarness();
        harness.Submit(Requests.Create(1, promptTokens: 100, maxTokens: 60) with { GeneratedIds = new int[28] });

        Assert.True(harness.Turn());

        Assert.Equal([new SequenceUpdate(1, -1, 28, SequenceEnd.Length, 28)], harness.Listener[1].Updates);
    }

    [Fact]
    public void Turn_RemovedSequence_IsNotInTheNextStep()
    {
        using var harness = new LoopHarness();
        long first = harness.Submit(Requests.Create(1, promptTokens: 5, maxTokens: 20));
        harness.Submit(Requests.Create(2, promptTokens: 5, maxTokens: 20));
        harness.Turn();
        harness.Turn();

        harness.Remove(first);
        harness.Turn();

        Assert.Equal(new SequenceUpdate(1, -1, 2, SequenceEnd.Removed, 2), harness.Listener[1].Last);
        Assert.Equal(3, harness.Listener[2].Ids.Count);
        Assert.Equal([2L], harness.Scheduler.Running.Select(s => s.Id));
    }

    [Fact]
    public void Turn_RemovedTwiceUnknownOrWaiting_ReportsOnce()
    {
        using var harness = new LoopHarness();
        long waiting = harness.Submit(Requests.Create(1, promptTokens: 5, maxTokens: 20));
        harness.Remove(waiting);
        harness.Remove(waiting);
        harness.Remove(77);

        harness.RunToEnd();

        Assert.Equal([new SequenceUpdate(1, -1, 0, SequenceEnd.Removed, 0)], harness.Listener[1].Updates);
        Assert.Equal(0, harness.Runner.Runs);
    }

    [Fact]
    public void Turn_TimeIsOver_EndsRunningAndWaitingOnes()
    {
        var options = new GenerationEngineOptions { ContextTokens = 128, MaxSequences = 1 };
        using var harness = new LoopHarness(options: options);
        SequenceRequest last = Requests.Create(3, promptTokens: 5, maxTokens: 20);
        harness.Submit(Requests.Create(1, promptTokens: 5, maxTokens: 20) with { Timeout = TimeSpan.FromSeconds(5) });
        harness.Submit(Requests.Create(2, promptTokens: 5, maxTokens: 20) with { Timeout = TimeSpan.FromSeconds(4) });
        harness.Submit(last with { Timeout = TimeSpan.FromSeconds(6) });
        harness.Turn();
        harness.Clock.Advance(TimeSpan.FromSeconds(5));

        harness.RunToEnd();

        Assert.Equal(new SequenceUpdate(1, -1, 1, SequenceEnd.Overdue, 1), harness.Listener[1].Last);
        Assert.Equal([new SequenceUpdate(2, -1, 0, SequenceEnd.Overdue, 0)], harness.Listener[2].Updates);
        Assert.Equal(Requests.Expected(last), harness.Listener[3].Ids);
    }

    [Fact]
    public void Turn_LogitsNotNumbers_FailsTheirSequenceOnly()
    {
        using var harness = new LoopHarness();
        SequenceRequest[] neighbours = [Requests.Create(1, promptTokens: 5, maxTokens: 20), Requests.Create(3, promptTokens: 2, maxTokens: 20)];
        harness.Submit(neighbours[0]);
        harness.Submit(Requests.Create(2, promptTokens: 3, maxTokens: 20));
        harness.Submit(neighbours[1]);
        harness.Runner.Ran = (_, logits) =>
        {
            if (harness.Runner.Runs == 5)
            {
                logits[harness.Runner.VocabularySize + 7] = float.NaN;
            }
        };

        harness.RunToEnd();

        Assert.Equal(new SequenceUpdate(2, -1, 4, SequenceEnd.Failed, 4), harness.Listener[2].Last);
        Assert.All(neighbours, n => Assert.Equal(Requests.Expected(n), harness.Listener[n.Tag!].Ids));
    }

    [Fact]
    public void Turn_RunThrows_LeavesTheSequencesAsTheyWere()
    {
        using var harness = new LoopHarness();
        SequenceRequest request = Requests.Create(1, promptTokens: 5, maxTokens: 20);
        harness.Submit(request);
        harness.Turn();
        harness.Runner.Running = _ => throw new InvalidOperationException("once");

        Assert.Throws<InvalidOperationException>(() => harness.Turn());
        harness.Runner.Running = null;
        harness.RunToEnd();

        Assert.Equal(Requests.Expected(request), harness.Listener[1].Ids);
    }

    /// <remarks>A collection that another test causes counts the rest of this thread's allocation buffer as allocated; it does not come every time.</remarks>
    [Fact]
    public void Turn_WarmedUp_AllocatesNothing() => Assert.Equal(0, Enumerable.Range(0, 4).Min(_ => AllocatedByWarmLoop()));

    private static long AllocatedByWarmLoop()
    {
        var runner = new SyntheticRunner(blockCount: 1000);
        var options = new GenerationEngineOptions { ContextTokens = 1000, MaxSequences = 8, StepTokenBudget = 16 };
        using var inbox = new Inbox(TimeProvider.System);
        var listener = new CountingListener();
        var loop = new StepLoop(runner, options, inbox, listener, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        for (int i = 0; i < options.MaxSequences; i++)
        {
            inbox.Submit(Requests.Create(i, promptTokens: i == 7 ? 600 : 10, maxTokens: 300), options.ContextTokens);
        }

        // After 40 turns the last one prefills for 30 more while the others decode: both kinds of step are measured.
        Turn(loop, 40);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Turn(loop, 200);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(options.MaxSequences, loop.Scheduler.Running.Count);
        Assert.True(listener.Tokens > 1000, $"{listener.Tokens} tokens.");
        return allocated;
    }

    private static void Turn(StepLoop loop, int times)
    {
        for (int i = 0; i < times; i++)
        {
            loop.Turn();
        }
    }

    private sealed class CountingListener : IStepListener
    {
        public long Tokens { get; private set; }

        public void OnStep(ReadOnlySpan<SequenceUpdate> updates) => Tokens += updates.Length;

        public void OnFault(Exception fault) => throw fault;
    }

    private sealed class EndingWatcher(int endAt, int kept) : ISequenceWatcher
    {
        public List<int> Seen { get; } = [];

        public int Observe(int tokenId)
        {
            Seen.Add(tokenId);
            return Seen.Count == endAt ? kept : -1;
        }
    }

    private sealed class ThrowingWatcher : ISequenceWatcher
    {
        public int Observe(int tokenId) => throw new FormatException("not a token");
    }
}
