using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Sampling;

/// <summary>Natural logarithms of the probabilities that the model itself gives: those of its row, before temperature, penalties and filters.</summary>
/// <remarks>Sums go in a fixed order, so the bits depend on the row alone. Allocates nothing.</remarks>
internal static class LogprobRow
{
    /// <summary>Stands for a probability of zero, whose logarithm JSON cannot write; OpenAI's documents name the same number.</summary>
    public const float Least = -9999;

    /// <param name="logits">Shape (vocab,), no NaN, the largest finite.</param>
    /// <param name="tokenId">The id that was drawn.</param>
    /// <param name="top">Receives the likeliest ids, by (logit descending, id ascending); at most as many as the row has.</param>
    /// <returns>The logarithm of the drawn id's probability.</returns>
    public static float Measure(ReadOnlySpan<float> logits, int tokenId, Span<TokenLogprob> top)
    {
        float largest = TensorPrimitives.Max(logits);
        double logSum = LogSum(logits, largest);
        FindTop(logits, top);
        foreach (ref TokenLogprob token in top)
        {
            token = token with { Logprob = ToLogprob(token.Logprob, largest, logSum) };
        }

        return ToLogprob(logits[tokenId], largest, logSum);
    }

    private static float ToLogprob(float logit, float largest, double logSum) => MathF.Max((float)((double)logit - largest - logSum), Least);

    /// <summary>log Σ e^(logit - largest).</summary>
    private static double LogSum(ReadOnlySpan<float> logits, float largest)
    {
        Vector256<double> sum = Vector256<double>.Zero;
        foreach (Vector256<float> group in MemoryMarshal.Cast<float, Vector256<float>>(logits))
        {
            Add(ref sum, group, largest);
        }

        ReadOnlySpan<float> rest = logits[^(logits.Length % Vector256<float>.Count)..];
        Span<float> padded = stackalloc float[Vector256<float>.Count];
        padded.Fill(float.NegativeInfinity);
        rest.CopyTo(padded);
        Add(ref sum, Vector256.Create<float>(padded), largest);
        return Math.Log(Vector256.Sum(sum));
    }

    private static void Add(ref Vector256<double> sum, Vector256<float> logits, float largest)
    {
        (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(Vector256.Exp(logits - Vector256.Create(largest)));
        sum += lower;
        sum += upper;
    }

    /// <summary>Fills <paramref name="top"/> with ids and, for now, their logits.</summary>
    private static void FindTop(ReadOnlySpan<float> logits, Span<TokenLogprob> top)
    {
        if (top.IsEmpty)
        {
            return;
        }

        for (int id = 0; id < top.Length; id++)
        {
            Insert(top[..(id + 1)], id, logits[id]);
        }

        int next = top.Length;
        while (next < logits.Length)
        {
            int end = Math.Min(next + Vector256<float>.Count, logits.Length);
            bool mayRank = end - next < Vector256<float>.Count
                || Vector256.GreaterThanAny(Vector256.Create(logits[next..end]), Vector256.Create(top[^1].Logprob));
            for (; next < end; next++)
            {
                if (mayRank && logits[next] > top[^1].Logprob)
                {
                    Insert(top, next, logits[next]);
                }
            }
        }
    }

    /// <summary>Puts an id behind those that are at least as likely; the last one falls out.</summary>
    private static void Insert(Span<TokenLogprob> top, int id, float logit)
    {
        int place = top.Length - 1;
        for (; place > 0 && top[place - 1].Logprob < logit; place--)
        {
            top[place] = top[place - 1];
        }

        top[place] = new TokenLogprob(id, logit);
    }
}
