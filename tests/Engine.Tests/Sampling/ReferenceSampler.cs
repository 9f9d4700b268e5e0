using System.Runtime.Intrinsics;
using GlmCluster.Engine.Sampling;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Tests.Sampling;

/// <summary>The sampler's definition, written down plainly: sort everything, cut, add up in integers, draw.</summary>
internal static class ReferenceSampler
{
    public static int Sample(float[] logits, in SamplingParameters parameters, int index)
    {
        IEnumerable<int> ranked = Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).ThenBy(id => id);
        if (parameters.Temperature == 0)
        {
            return ranked.First();
        }

        float temperature = parameters.Temperature;
        float largest = logits.Max();
        List<(int Id, long Mass)> kept = [.. ranked.Select(id => (id, Mass((largest - logits[id]) / temperature)))];
        if (parameters.TopK > 0)
        {
            kept = [.. kept.Take(parameters.TopK)];
        }

        if (parameters.TopP < 1)
        {
            double wanted = (double)parameters.TopP * kept.Sum(k => k.Mass);
            long before = 0;
            kept = [.. kept.TakeWhile(k => (before += k.Mass) - k.Mass < wanted)];
        }

        if (parameters.MinP > 0)
        {
            float reach = (float)-Math.Log(parameters.MinP);
            kept = [.. kept.TakeWhile(k => (largest - logits[k.Id]) / temperature <= reach)];
        }

        double target = Philox.Uniform(parameters.Seed, parameters.Choice, index) * kept.Sum(k => k.Mass);
        long below = 0;
        return kept.First(k => (below += k.Mass) > target).Id;
    }

    /// <summary>Bias, penalties and no early stop, id by id, as docs/engine.md defines them.</summary>
    public static float[] Adjust(float[] logits, SamplingParameters parameters, int[] promptIds, int[] outputIds, int[] stopIds)
    {
        float[] adjusted = [.. logits];
        foreach (TokenBias bias in parameters.LogitBias.ToArray())
        {
            adjusted[bias.Id] += bias.Bias;
        }

        for (int id = 0; id < adjusted.Length; id++)
        {
            int count = outputIds.Count(output => output == id);
            if (count > 0 || promptIds.Contains(id))
            {
                adjusted[id] = adjusted[id] > 0 ? adjusted[id] / parameters.RepetitionPenalty : adjusted[id] * parameters.RepetitionPenalty;
            }

            adjusted[id] -= parameters.FrequencyPenalty * count;
            adjusted[id] -= count > 0 ? parameters.PresencePenalty : 0;
            if (outputIds.Length < parameters.MinTokens && stopIds.Contains(id))
            {
                adjusted[id] = float.NegativeInfinity;
            }
        }

        return adjusted;
    }

    /// <summary>e^-distance in units of 2⁻³⁵.</summary>
    private static long Mass(float distance)
    {
        double weight = Vector256.Exp(Vector256.Create(-distance))[0];
        return (long)Math.Round(weight * (1L << 35), MidpointRounding.ToEven);
    }
}
