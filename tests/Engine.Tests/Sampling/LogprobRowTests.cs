using GlmCluster.Engine.Sampling;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Tests.Sampling;

public sealed class LogprobRowTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 7)]
    [InlineData(9, 3)]
    [InlineData(1000, 0)]
    [InlineData(1003, 20)]
    [InlineData(4096, 5)]
    public void Measure_RandomRows_EqualsTheDefinition(int vocabularySize, int topCount)
    {
        var random = new Random(vocabularySize);
        for (int round = 0; round < 100; round++)
        {
            // Rounded, so that many tie; some are excluded.
            float[] row = [.. Enumerable.Range(0, vocabularySize).Select(_ => MathF.Round(20 * ((random.NextSingle() * 2) - 1)) / 2)];
            row[random.Next(vocabularySize)] = vocabularySize > 1 ? float.NegativeInfinity : 0;
            int tokenId = random.Next(vocabularySize);
            var top = new TokenLogprob[topCount];

            float logprob = LogprobRow.Measure(row, tokenId, top);

            double logSum = Math.Log(row.Sum(logit => Math.Exp(logit)));
            int[] ranked = [.. Enumerable.Range(0, vocabularySize).OrderByDescending(id => row[id]).ThenBy(id => id).Take(topCount)];
            Assert.Equal(Expected(row[tokenId]), logprob, 5e-6f);
            Assert.Equal(ranked, top.Select(token => token.Id));
            Assert.All(top, token => Assert.Equal(Expected(row[token.Id]), token.Logprob, 5e-6f));

            float Expected(float logit) => MathF.Max((float)(logit - logSum), LogprobRow.Least);
        }
    }

    [Fact]
    public void Measure_ProbabilityZero_IsAFiniteNumber()
    {
        var top = new TokenLogprob[3];

        float logprob = LogprobRow.Measure([float.NegativeInfinity, 4, float.NegativeInfinity], 0, top);

        Assert.Equal(-9999, logprob);
        Assert.Equal([1, 0, 2], top.Select(token => token.Id));
        Assert.Equal(0, top[0].Logprob, 1e-6f);
        Assert.Equal([-9999, -9999], top[1..].Select(token => token.Logprob));
    }
}
