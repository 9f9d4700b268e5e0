using GlmCluster.Engine.Scheduling;

namespace GlmCluster.Engine.Tests.Scheduling;

public sealed class StepPacerTests
{
    private const int MaxSequences = 32;
    private const int Budget = 512;

    private readonly StepPacer _pacer = new(MaxSequences, slowdown: 1.5);

    [Theory]
    [InlineData(1, 1.2, 0.09)] // milliseconds of a small model
    [InlineData(8, 20, 0.4)]
    [InlineData(31, 160, 1.4)] // and of a large one
    public void PrefillTokens_OnePromptBesideDecoding_StaysAtTheSlowdown(int decoding, double decodeMs, double tokenMs)
    {
        Step(0, decoding: 0, decodeMs, tokenMs); // the decoding ones' own prompts
        double longest = 0;
        long tokens = 0;
        for (int step = 0; step < 400; step++)
        {
            int prefill = Step(1, decoding, decodeMs, tokenMs);
            tokens += prefill;
            longest = step < 20 ? 0 : Math.Max(longest, decodeMs + (prefill * tokenMs));
        }

        Assert.InRange(longest, 0, 1.5 * decodeMs + 1e-9);
        Assert.InRange(tokens, 380 * 0.9 * 0.5 * decodeMs / tokenMs, double.MaxValue); // and takes the room it has
    }

    [Fact]
    public void PrefillTokens_PromptGetsDearer_GoesDownWithIt()
    {
        for (int step = 0; step < 50; step++)
        {
            Step(1, decoding: 4, decodeMs: 100, tokenMs: 1);
        }

        double tokenMs = 1;
        for (int step = 0; step < 400; step++)
        {
            tokenMs *= 1.005; // attention over a growing prompt
            Assert.InRange(100 + (Step(1, decoding: 4, decodeMs: 100, tokenMs) * tokenMs), 0, 152);
        }
    }

    [Fact]
    public void PrefillTokens_NobodyDecodes_IsTheBudget() => Assert.Equal(Budget, _pacer.PrefillTokens(decoding: 0, prefilling: 3, Budget));

    [Fact]
    public void PrefillTokens_NothingMeasured_MeasuresDecodingAloneOnce()
    {
        Assert.Equal(0, _pacer.PrefillTokens(decoding: 4, prefilling: 1, Budget));
        _pacer.Note(decoding: 4, prefillTokens: 0, TimeSpan.FromMilliseconds(10));
        Assert.NotEqual(0, _pacer.PrefillTokens(decoding: 4, prefilling: 1, Budget));
    }

    [Fact]
    public void PrefillTokens_LongMixedPhase_MeasuresDecodingAloneAgainNowAndThen()
    {
        int alone = Enumerable.Range(0, 1000).Count(_ => Step(1, decoding: 4, decodeMs: 100, tokenMs: 1) == 0);

        Assert.InRange(alone, 3, 5);
    }

    [Fact]
    public void PrefillTokens_ManyPromptsBesideOneDecoding_GetTheLargerShare()
    {
        for (int step = 0; step < 50; step++)
        {
            Step(1, decoding: 1, decodeMs: 100, tokenMs: 1);
        }

        Assert.InRange(_pacer.PrefillTokens(decoding: 1, prefilling: 6, Budget), 290, 310);
    }

    [Fact]
    public void PrefillTokens_TokensDearerThanTheSlowdownAllows_GetOnAllTheSame()
    {
        for (int step = 0; step < 50; step++)
        {
            Step(1, decoding: 1, decodeMs: 1, tokenMs: 10);
        }

        Assert.InRange(_pacer.PrefillTokens(decoding: 1, prefilling: 1, Budget), 1, 8);
    }

    /// <summary>One step on a machine that takes so long.</summary>
    private int Step(int prefilling, int decoding, double decodeMs, double tokenMs)
    {
        int tokens = _pacer.PrefillTokens(decoding, prefilling, Budget);
        _pacer.Note(decoding, tokens, TimeSpan.FromMilliseconds((decoding == 0 ? 0 : decodeMs) + (tokens * tokenMs)));
        return tokens;
    }
}
