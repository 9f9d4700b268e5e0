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
        Assert.InRange(tokens, 380 * 0.7 * 0.5 * decodeMs / tokenMs, double.MaxValue); // and takes the room it has
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

        Assert.InRange(_pacer.PrefillTokens(decoding: 1, prefilling: 6, Budget), 245, 256);
    }

    [Fact]
    public void PrefillTokens_TokensDearerThanTheSlowdownAllows_GetOnAllTheSame()
    {
        int[] tokens = [.. Enumerable.Range(0, 400).Select(_ => Step(1, decoding: 1, decodeMs: 1, tokenMs: 10))];

        Assert.All(tokens[20..], count => Assert.InRange(count, 0, 1));
        Assert.InRange(tokens[20..].Sum(), 380 / 10, 380 / 8);
    }

    [Theory]
    [InlineData(0, 0.02, 0.00015)] // milliseconds: of a step with any prompt tokens, of a token, of a token for each one before it
    [InlineData(0.3, 0.02, 0.00015)]
    [InlineData(0.9, 0.3, 0.0001)] // not even one token fits into a step's room
    public void PrefillTokens_LongPromptOnASmallModel_KeepsTheMeanAllAlong(double stepMs, double tokenMs, double pastMs)
    {
        Queue<double> window = [];
        for (int past = 0; past < 4096;)
        {
            int tokens = _pacer.PrefillTokens(decoding: 4, prefilling: 1, Budget);
            double ms = 1.2 + (tokens == 0 ? 0 : stepMs + (tokens * (tokenMs + (pastMs * past))));
            _pacer.Note(decoding: 4, tokens, TimeSpan.FromMilliseconds(ms));
            past += tokens;
            window.Enqueue(ms);
            if (window.Count > 64)
            {
                window.Dequeue();
                Assert.True(past < 1024 || window.Average() <= 1.5 * 1.2, $"{window.Average()} ms after {past} tokens");
            }
        }
    }

    [Fact]
    public void PrefillTokens_MachineHoldsAStepUp_BothSoonGetTheirPaceBack()
    {
        int before = Enumerable.Range(0, 100).Select(_ => Step(1, decoding: 4, decodeMs: 10, tokenMs: 1)).ToArray()[^1];
        _pacer.Note(decoding: 4, before, TimeSpan.FromMilliseconds(1000));
        _pacer.Note(decoding: 4, prefillTokens: 0, TimeSpan.FromMilliseconds(1000));

        int[] after = [.. Enumerable.Range(0, 60).Select(_ => Step(1, decoding: 4, decodeMs: 10, tokenMs: 1))];

        Assert.InRange(before, 4, 5);
        Assert.All(after, count => Assert.InRange(count, 0, before + 2));
        Assert.InRange(after[30], 3, 5);
    }

    /// <summary>One step on a machine that takes so long.</summary>
    private int Step(int prefilling, int decoding, double decodeMs, double tokenMs)
    {
        int tokens = _pacer.PrefillTokens(decoding, prefilling, Budget);
        _pacer.Note(decoding, tokens, TimeSpan.FromMilliseconds((decoding == 0 ? 0 : decodeMs) + (tokens * tokenMs)));
        return tokens;
    }
}
