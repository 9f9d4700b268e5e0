using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Tests.Loop;

/// <summary>Prompts whose tokens see all of them go in in one step, and what they left in the cache serves only the same prompt.</summary>
public sealed class PromptPrefixTests
{
    private static readonly GenerationEngineOptions Options = new() { ContextTokens = 128, StepTokenBudget = 40 };

    /// <summary>The runner throws where a prefix is divided.</summary>
    [Fact]
    public void Turn_PrefixesLargerThanWhatIsLeftOfAStep_WaitForOneThatHoldsThem()
    {
        using var harness = new LoopHarness(new SyntheticRunner(blockCount: 400) { PrefixTokens = 30 }, Options);
        SequenceRequest[] requests = [.. Enumerable.Range(0, 12).Select(i => Requests.Create(i, promptTokens: 25 + i, maxTokens: 20))];
        Array.ForEach(requests, request => harness.Submit(request));

        harness.RunToEnd();

        Assert.All(requests, request => Assert.Equal(Requests.Expected(request), harness.Listener[request.Tag!].Ids));
    }

    [Fact]
    public void Turn_OtherPrefixWithTheSameBeginning_SharesNothing()
    {
        using var harness = new LoopHarness(new SyntheticRunner(blockCount: 400) { PrefixTokens = 30 }, Options);
        SequenceRequest first = Requests.Create(tag: 1, promptTokens: 32, maxTokens: 1);
        int[] other = first.PromptIds.ToArray();
        other[29]++;
        Run(harness, first);
        Run(harness, first with { Tag = 2, PromptIds = other });
        Assert.Equal(2 * 32, harness.Runner.Tokens);
        Assert.Equal(0, harness.Listener[2].Last.ReusedPromptTokens);

        Run(harness, first with { Tag = 3 });
        Assert.Equal(31, harness.Listener[3].Last.ReusedPromptTokens);
    }

    private static void Run(LoopHarness harness, SequenceRequest request)
    {
        harness.Submit(request);
        harness.RunToEnd();
    }
}
