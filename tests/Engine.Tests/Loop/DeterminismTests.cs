using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Tests.Loop;

/// <summary>No result depends on batch neighbours, chunking, preemption or resuming.</summary>
/// <remarks>Every case is compared with a generation outside the engine.</remarks>
public sealed class DeterminismTests
{
    [Fact]
    public void Turn_ManySequences_EachGetsWhatItGetsAlone()
    {
        using var harness = new LoopHarness(new SyntheticRunner(blockCount: 400));
        SequenceRequest[] requests = [.. Enumerable.Range(0, 24).Select(i => Requests.Create(i, promptTokens: 1 + (i * 2), maxTokens: 40 - i))];
        SubmitStaggered(harness, requests);
        Assert.True(harness.Runner.MostSequences > 20);
        AssertExpected(harness, requests);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(16)]
    public void Turn_SmallBudget_ChunksGiveTheSameTokens(int stepTokenBudget)
    {
        var options = new GenerationEngineOptions { ContextTokens = 128, MaxSequences = 4, StepTokenBudget = stepTokenBudget };
        using var harness = new LoopHarness(options: options);
        SequenceRequest[] requests = [.. Enumerable.Range(0, 8).Select(i => Requests.Create(i, promptTokens: 60 - i, maxTokens: 10))];
        SubmitStaggered(harness, requests);
        Assert.Equal(stepTokenBudget, harness.Runner.MostTokens);
        AssertExpected(harness, requests);
    }

    [Fact]
    public void Turn_FewBlocks_PreemptedSequencesGetTheSameTokens()
    {
        var options = new GenerationEngineOptions { ContextTokens = 64, MaxSequences = 6, StepTokenBudget = 16 };
        using var harness = new LoopHarness(new SyntheticRunner(blockCount: 16), options);
        SequenceRequest[] requests = [.. Enumerable.Range(0, 12).Select(i => Requests.Create(i, promptTokens: 3 + (i % 5), maxTokens: 50))];
        SubmitStaggered(harness, requests);
        Assert.True(harness.Snapshot.Preemptions > 10, $"{harness.Snapshot.Preemptions} preemptions.");
        AssertExpected(harness, requests);
    }

    [Theory]
    [InlineData(999)] // plain
    [InlineData(998)] // with penalties, which count the earlier ids
    public void Turn_ResumedFromEveryCut_GoesOnAsIfNeverStopped(int tag)
    {
        SequenceRequest whole = Requests.Create(tag, promptTokens: 7, maxTokens: 30);
        int[] expected = Requests.Expected(whole);
        using var harness = new LoopHarness(new SyntheticRunner(blockCount: 400));
        for (int cut = 0; cut < expected.Length; cut++)
        {
            harness.Submit(whole with { GeneratedIds = expected.AsMemory(0, cut), Tag = cut });
        }

        harness.RunToEnd();
        for (int cut = 0; cut < expected.Length; cut++)
        {
            Assert.Equal(expected[cut..], harness.Listener[cut].Ids);
            Assert.Equal(cut + 1, harness.Listener[cut].Updates[0].Index);
            Assert.Equal((SequenceEnd.Length, expected.Length), (harness.Listener[cut].Last.End, harness.Listener[cut].Last.KeptTokens));
        }
    }

    private static void SubmitStaggered(LoopHarness harness, SequenceRequest[] requests)
    {
        foreach (SequenceRequest request in requests)
        {
            harness.Submit(request);
            harness.Turn();
        }

        harness.RunToEnd();
    }

    private static void AssertExpected(LoopHarness harness, SequenceRequest[] requests)
    {
        foreach (SequenceRequest request in requests)
        {
            Transcript transcript = harness.Listener[request.Tag!];
            Assert.Equal(Requests.Expected(request), transcript.Ids);
            Assert.Equal(Enumerable.Range(1, transcript.Ids.Count), transcript.Updates.Select(u => u.Index));
            Assert.Equal(SequenceEnd.Length, transcript.Last.End);
        }
    }
}
