using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Tests.Loop;

/// <summary>What was computed once is not computed again, and every answer is what it is without a cache.</summary>
public sealed class PrefixReuseTests
{
    private const int Vocabulary = 40;

    [Fact]
    public void Turn_NextTurnOfAConversation_ComputesItsNewTokensAndOneMore()
    {
        using var harness = new LoopHarness(new SyntheticRunner(blockCount: 400), new GenerationEngineOptions { ContextTokens = 1000 });
        List<int> conversation = [];
        for (int turn = 0; turn < 10; turn++)
        {
            int[] message = Ids(seed: turn, count: 13 + turn);
            conversation.AddRange(message);
            SequenceRequest request = Requests.Create(turn, promptTokens: 1, maxTokens: 9) with { PromptIds = conversation.ToArray() };
            long before = harness.Runner.Tokens;

            Run(harness, request);

            int answerTokens = harness.Listener[turn].Ids.Count;
            int recomputed = turn == 0 ? 0 : 1; // the last id of an answer was drawn and not shown to the model
            Assert.Equal(message.Length + recomputed + answerTokens - 1, harness.Runner.Tokens - before);
            Assert.Equal(conversation.Count - message.Length - recomputed, harness.Listener[turn].Last.ReusedPromptTokens);
            conversation.AddRange(harness.Listener[turn].Ids);
        }

        Assert.Equal(0, harness.Runner.Copies); // nobody else held the tails
    }

    [Fact]
    public void Turn_FiftyRequestsWithOneSystemPromptAtOnce_ComputeItOnce()
    {
        const int Shared = 2002; // ends within a block
        const int Own = 11;
        var options = new GenerationEngineOptions { ContextTokens = 2100, MaxSequences = 32, StepTokenBudget = 256 };
        using var harness = new LoopHarness(new SyntheticRunner(vocabularySize: 64, blockCount: 1500), options);
        int[] systemPrompt = Ids(seed: 1000, Shared);
        SequenceRequest[] requests =
            [.. Enumerable.Range(0, 50).Select(i => Requests.Create(i, 1, maxTokens: 5) with { PromptIds = (int[])[.. systemPrompt, i, .. Ids(i, Own - 1)] })];

        Run(harness, requests);

        Assert.Equal(Shared + (50 * (Own + 4)), harness.Runner.Tokens);
        Assert.Equal(49 * Shared, harness.Snapshot.ReusedTokens);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(30)]
    public void Turn_SeveralChoicesOfOnePrompt_ComputeItOnceAndTheLastTokenEach(int promptTokens)
    {
        const int Choices = 6;
        using var harness = new LoopHarness(new SyntheticRunner(blockCount: 400));
        SequenceRequest first = Requests.Create(tag: 0, promptTokens, maxTokens: 20);
        SequenceRequest[] requests =
            [.. Enumerable.Range(0, Choices).Select(i => first with { Sampling = first.Sampling with { Choice = i }, Tag = i })];

        Run(harness, requests);

        Assert.Equal(promptTokens + Choices - 1 + (Choices * 19), harness.Runner.Tokens);
        Assert.Distinct(requests.Select(r => string.Join(' ', harness.Listener[r.Tag!].Ids)));
    }

    [Fact]
    public void Turn_SamePromptAgain_ComputesItsLastTokenOnly()
    {
        using var harness = new LoopHarness();
        SequenceRequest request = Requests.Create(tag: 1, promptTokens: 16, maxTokens: 1);
        Run(harness, request);
        Run(harness, request with { Tag = 2 });

        Assert.Equal(17, harness.Runner.Tokens);
        Assert.Equal(15, harness.Listener[2].Last.ReusedPromptTokens);
    }

    [Fact]
    public void Turn_RemovedSequenceComesBack_GoesOnWhereItWas()
    {
        using var harness = new LoopHarness();
        SequenceRequest request = Requests.Create(tag: 1, promptTokens: 30, maxTokens: 40);
        long id = harness.Submit(request);
        for (int turn = 0; turn < 11; turn++)
        {
            harness.Turn();
        }

        harness.Remove(id);
        harness.RunToEnd();
        int[] generated = [.. harness.Listener[1].Ids];
        Run(harness, request with { Tag = 2, GeneratedIds = generated });

        Assert.Equal(Requests.Expected(request)[generated.Length..], harness.Listener[2].Ids);
        Assert.Equal(30 + 39, harness.Runner.Tokens);
    }

    [Fact]
    public void Turn_OtherCallersPrompt_IsSharedOnlyWhereTheScopeIsTheServer()
    {
        Assert.Equal(30 + 1, TokensOfTwoCallers(CacheScope.Server));
        Assert.Equal(30 + 30, TokensOfTwoCallers(CacheScope.Caller));

        static long TokensOfTwoCallers(CacheScope scope)
        {
            using var harness = new LoopHarness(options: new GenerationEngineOptions { ContextTokens = 128, CacheScope = scope });
            SequenceRequest request = Requests.Create(tag: 1, promptTokens: 30, maxTokens: 1);
            harness.Submit(request with { Caller = "alice" });
            Run(harness, request with { Caller = "bob", Tag = 2 });
            return harness.Runner.Tokens;
        }
    }

    [Fact]
    public void Turn_LittleInCommon_NobodyWaits()
    {
        using var harness = new LoopHarness();
        int[] start = Ids(seed: 1, 2);
        harness.Submit(Requests.Create(1, 1, 5) with { PromptIds = (int[])[.. start, 1, 3, 5, 7, 9, 11] });
        harness.Submit(Requests.Create(2, 1, 5) with { PromptIds = (int[])[.. start, 2, 4, 6, 8, 10, 12] });

        harness.Turn();

        Assert.Equal(2, harness.Runner.MostSequences);
        harness.RunToEnd();
    }

    private static int[] Ids(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(Vocabulary))];
    }

    private static void Run(LoopHarness harness, params SequenceRequest[] requests)
    {
        Array.ForEach(requests, request => harness.Submit(request));
        harness.RunToEnd();
        foreach (SequenceRequest request in requests.Where(request => request.GeneratedIds.IsEmpty))
        {
            Assert.Equal(Requests.Expected(request, vocabularySize: harness.Runner.VocabularySize), harness.Listener[request.Tag!].Ids);
        }
    }
}
