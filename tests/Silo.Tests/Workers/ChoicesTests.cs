using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Silo.Tests.Workers;

/// <summary>Several choices of one generation: their log is a function of their ids alone.</summary>
public sealed class ChoicesTests(NanoModel nano, CrampedNanoModel cramped) : IClassFixture<NanoModel>, IClassFixture<CrampedNanoModel>
{
    private static SamplingSettings Sampled => new() { Temperature = 1.2f, Seed = 11, FrequencyPenalty = 0.2f };

    [Fact]
    public async Task Run_ThreeChoices_TakeTurnsAndTheFirstIsTheOneOfASingleRequest()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);
        (List<int> single, _) = await silo.RunAsync(Request(silo, choices: 1));
        GenerationRequest request = Request(silo, choices: 3);
        await silo.AdmitAsync(request);

        (List<LoggedToken> tokens, GenerationEnd? end) = await silo.ReadTokensAsync(request.Id);

        int[][] answers = [.. Enumerable.Range(0, 3).Select(choice => tokens.Where(t => t.Choice == choice).Select(t => t.Id).ToArray())];
        Assert.Equal(single, answers[0]);
        Assert.NotEqual(answers[0], answers[1]);
        Assert.NotEqual(answers[1], answers[2]);
        Assert.Equal(new TokenUsage(nano.Longest.PromptIds.Length, tokens.Count), end!.Usage with { CachedTokens = 0 });

        // The order: first tokens, then second ones, and so on, of those choices that have one.
        Assert.Equal(
            answers.SelectMany((ids, choice) => ids.Select((_, index) => (index, choice))).Order().Select(place => place.choice),
            tokens.Select(token => token.Choice));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(31)]
    [InlineData(90)]
    public async Task Park_ReaderLeavesAndComesBack_GetsTheVerySameLog(int leaveAfter)
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);
        GenerationRequest whole = Request(silo, choices: 3) with { TopLogprobs = 3 };
        await silo.AdmitAsync(whole);
        GenerationRequest parked = Request(silo, choices: 3) with { TopLogprobs = 3 };
        await silo.AdmitAsync(parked);

        await silo.ReadTokensAsync(parked.Id, leaveAfter);
        (List<LoggedToken> resumed, GenerationEnd? end) = await silo.ReadTokensAsync(parked.Id);

        (List<LoggedToken> expected, GenerationEnd? expectedEnd) = await silo.ReadTokensAsync(whole.Id);
        Assert.Equal(expected, resumed);
        Assert.Equal((expectedEnd!.Reason, expectedEnd.Usage.CompletionTokens), (end!.Reason, end.Usage.CompletionTokens));
        Assert.All(expected, token => Assert.True(token.Logprob < 0 && token.Top.Length > 0));
    }

    [Fact]
    public async Task Run_ChoicesThatPushEachOtherOut_GivesTheVerySameLog()
    {
        await using SiloHarness roomy = await SiloHarness.StartAsync(nano);
        await using SiloHarness tight = await SiloHarness.StartAsync(cramped);
        GenerationRequest expected = Request(roomy, choices: 5) with { StopIds = [], MaxTokens = 150, TopLogprobs = 1 };
        await roomy.AdmitAsync(expected);
        GenerationRequest pushed = expected with { Id = GenerationId.New(), Model = cramped.Model.Card.Model };
        await tight.AdmitAsync(pushed);

        Assert.Equal((await roomy.ReadTokensAsync(expected.Id)).Tokens, (await tight.ReadTokensAsync(pushed.Id)).Tokens);
        Assert.True(tight.Engine.Preemptions > 0, "Nothing was preempted.");
    }

    [Fact]
    public async Task Cancel_EndsEveryChoice()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);
        GenerationRequest request = Request(silo, choices: 3) with { StopIds = [], MaxTokens = 3000 };
        await silo.AdmitAsync(request);
        await silo.ReadTokensAsync(request.Id, leaveAfter: 5);

        await silo.Fabric.CancelAsync(request.Id, request.Caller, TestContext.Current.CancellationToken);
        (List<LoggedToken> tokens, GenerationEnd? end) = await silo.ReadTokensAsync(request.Id);

        Assert.Equal((EndReason.Cancelled, tokens.Count), (end!.Reason, end.Usage.CompletionTokens));
        Assert.True(tokens.Count < 3 * 3000);
    }

    private GenerationRequest Request(SiloHarness silo, int choices) =>
        silo.Request(nano.Longest.PromptIds, Sampled) with { Choices = choices };
}
