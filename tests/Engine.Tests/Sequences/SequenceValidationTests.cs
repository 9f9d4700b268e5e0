using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Tests.Loop;

namespace GlmCluster.Engine.Tests.Sequences;

public sealed class SequenceValidationTests
{
    private static readonly SequenceRequest Valid = Requests.Create(1, promptTokens: 9, maxTokens: 5);

    [Fact]
    public void Check_LongestPrompt_Passes() => SequenceValidation.Check(Valid, vocabularySize: 40, contextTokens: 10);

    [Fact]
    public void Check_PromptOneTooLong_NamesTheNumbers() =>
        Assert.Equal(
            "The prompt has 10 tokens; the context of 10 leaves room for 9 and one of the answer.",
            Refusal(Valid with { PromptIds = new int[10] }));

    [Fact]
    public void Check_EmptyPrompt_Throws() => Assert.Equal("The prompt has no tokens.", Refusal(Valid with { PromptIds = default }));

    [Fact]
    public void Check_NoTokensToGenerate_Throws() => Assert.Equal("The limit of 0 tokens is below 1.", Refusal(Valid with { MaxTokens = 0 }));

    [Theory]
    [InlineData(-1)]
    [InlineData(40)]
    public void Check_IdOutsideTheVocabulary_NamesIt(int id)
    {
        Assert.Equal($"The prompt contains the id {id}; ids of this model are 0 to 39.", Refusal(Valid with { PromptIds = new[] { 0, id, 1 } }));
        Assert.Equal($"The earlier answer contains the id {id}; ids of this model are 0 to 39.", Refusal(Valid with { GeneratedIds = new[] { id } }));
    }

    [Theory]
    [InlineData(-0.1f, 1f, 0, 0, "Temperature")]
    [InlineData(float.NaN, 1f, 0, 0, "Temperature")]
    [InlineData(float.PositiveInfinity, 1f, 0, 0, "Temperature")]
    [InlineData(1f, 0f, 0, 0, "Top_p")]
    [InlineData(1f, 1.1f, 0, 0, "Top_p")]
    [InlineData(1f, float.NaN, 0, 0, "Top_p")]
    [InlineData(1f, 1f, -1, 0, "Top_k")]
    [InlineData(1f, 1f, 0, -1, "Choice")]
    public void Check_ImpossibleSampling_NamesIt(float temperature, float topP, int topK, int choice, string named)
    {
        var sampling = new SamplingParameters(temperature, topP, topK, Seed: 1, choice);

        Assert.StartsWith(named, Refusal(Valid with { Sampling = sampling }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(21)]
    public void Check_ImpossibleTopLogprobs_NamesThem(int count) =>
        Assert.Equal($"Top_logprobs {count} is not in [0, 20].", Refusal(Valid with { TopLogprobs = count }));

    public static TheoryData<string, SamplingParameters> ImpossibleChanges { get; } = new()
    {
        { "Min_p 1.1 is not in [0, 1].", Valid.Sampling with { MinP = 1.1f } },
        { "Repetition_penalty 0 is not in [0.01, 100].", Valid.Sampling with { RepetitionPenalty = 0 } },
        { "Presence_penalty NaN is not in [-100, 100].", Valid.Sampling with { PresencePenalty = float.NaN } },
        { "Frequency_penalty 101 is not in [-100, 100].", Valid.Sampling with { FrequencyPenalty = 101 } },
        { "Min_tokens -1 is below 0.", Valid.Sampling with { MinTokens = -1 } },
        { "The logit_bias contains the id 40; ids of this model are 0 to 39.", Valid.Sampling with { LogitBias = new TokenBias[] { new(40, 1) } } },
        { "Logit_bias -101 of id 4 is not in [-100, 100].", Valid.Sampling with { LogitBias = new TokenBias[] { new(4, -101) } } },
    };

    [Theory]
    [MemberData(nameof(ImpossibleChanges))]
    public void Check_ImpossibleLogitChange_NamesIt(string message, SamplingParameters sampling) =>
        Assert.Equal(message, Refusal(Valid with { Sampling = sampling }));

    private static string Refusal(SequenceRequest request) =>
        Assert.Throws<ArgumentException>(() => SequenceValidation.Check(request, vocabularySize: 40, contextTokens: 10)).Message;
}
