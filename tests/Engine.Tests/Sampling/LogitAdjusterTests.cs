using GlmCluster.Engine.Sampling;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Tests.Sampling;

public sealed class LogitAdjusterTests
{
    private static readonly SamplingParameters None = new(Temperature: 1, TopP: 1, TopK: 0, Seed: 1, Choice: 0);

    [Fact]
    public void Adjust_Repetition_CountsPromptAndOutputOnce()
    {
        float[] row = Adjust([4, -4, 4, 4], None with { RepetitionPenalty = 2 }, prompt: [0, 0], output: [1, 2, 2]);

        Assert.Equal([2, -8, 2, 4], row);
    }

    [Fact]
    public void Adjust_PresenceAndFrequency_CountTheOutputOnly()
    {
        float[] row = Adjust([4, -4, 4, 4], None with { PresencePenalty = 1, FrequencyPenalty = 0.5f }, prompt: [0, 0], output: [1, 2, 2]);

        Assert.Equal([4, -5.5f, 2, 4], row);
    }

    [Fact]
    public void Adjust_Bias_ComesBeforeTheRepetitionPenalty()
    {
        SamplingParameters parameters = None with { RepetitionPenalty = 2, LogitBias = new TokenBias[] { new(0, -6), new(2, 1) } };

        Assert.Equal([-4, 1, 2], Adjust([4, 1, 1], parameters, prompt: [0], output: []));
    }

    [Theory]
    [InlineData(1, float.NegativeInfinity)]
    [InlineData(2, 5)]
    public void Adjust_MinTokens_ExcludesStopIdsUntilThen(int outputTokens, float expected)
    {
        float[] row = Adjust([5, 1], None with { MinTokens = 2 }, prompt: [1], output: new int[outputTokens], stopIds: [0]);

        Assert.Equal([expected, 1], row);
    }

    [Fact]
    public void Adjust_StopIdThatIsNotANumber_StaysSo() =>
        Assert.Equal([float.NaN, 1], Adjust([float.NaN, 1], None with { MinTokens = 2 }, prompt: [1], output: [], stopIds: [0]));

    [Theory]
    [InlineData(3)]
    [InlineData(40)]
    [InlineData(2000)]
    public void Adjust_ThenSample_RandomRows_EqualsTheReference(int vocabularySize)
    {
        var random = new Random(vocabularySize);
        var adjuster = new LogitAdjuster(vocabularySize);
        var sampler = new Sampler(vocabularySize);
        for (int round = 0; round < 300; round++)
        {
            float[] logits = [.. Enumerable.Range(0, vocabularySize).Select(_ => 8 * ((random.NextSingle() * 2) - 1))];
            logits[random.Next(vocabularySize)] = float.NegativeInfinity;
            int[] prompt = RandomIds(random, random.Next(1, 60), vocabularySize);
            int[] output = RandomIds(random, random.Next(0, 60), vocabularySize);
            int[] stopIds = RandomIds(random, random.Next(0, 2), vocabularySize);
            SamplingParameters parameters = RandomParameters(random, vocabularySize);

            float[] expected = ReferenceSampler.Adjust(logits, parameters, prompt, output, stopIds);
            ReadOnlySpan<float> adjusted = adjuster.Adjust(logits, parameters, [.. prompt, .. output], prompt.Length, stopIds);

            Assert.Equal(expected, adjusted);
            if (expected.Any(float.IsFinite))
            {
                Assert.True(sampler.TrySample(adjusted, parameters, output.Length, out int tokenId));
                Assert.Equal(ReferenceSampler.Sample(expected, parameters, output.Length), tokenId);
            }
        }
    }

    [Fact]
    public void Adjust_Always_AllocatesNothing()
    {
        var adjuster = new LogitAdjuster(2000);
        var random = new Random(1);
        int[] ids = RandomIds(random, 500, 2000);
        float[] logits = new float[2000];
        SamplingParameters parameters = RandomParameters(random, 2000) with { RepetitionPenalty = 1.1f, FrequencyPenalty = 0.5f };
        adjuster.Adjust(logits, parameters, ids, 100, [1]);

        long before = GC.GetAllocatedBytesForCurrentThread();
        adjuster.Adjust(logits, parameters, ids, 100, [1]);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static SamplingParameters RandomParameters(Random random, int vocabularySize) =>
        new(random.Next(3) / 2f, 1 - (random.Next(3) / 4f), random.Next(0, 20), (ulong)random.NextInt64(), random.Next(3))
        {
            MinP = random.Next(3) / 10f,
            RepetitionPenalty = MathF.Pow(1.3f, random.Next(-2, 3)),
            PresencePenalty = random.Next(-2, 3) / 2f,
            FrequencyPenalty = random.Next(-2, 3) / 3f,
            MinTokens = random.Next(60),
            LogitBias = RandomIds(random, random.Next(5), vocabularySize).Select(id => new TokenBias(id, random.Next(-100, 101))).ToArray(),
        };

    private static int[] RandomIds(Random random, int count, int vocabularySize) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabularySize))];

    private static float[] Adjust(float[] logits, SamplingParameters parameters, int[] prompt, int[] output, params int[] stopIds) =>
        new LogitAdjuster(logits.Length).Adjust(logits, parameters, [.. prompt, .. output], prompt.Length, stopIds).ToArray();
}
