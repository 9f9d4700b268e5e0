using System.Diagnostics;
using System.Runtime.Intrinsics;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>Quantises blocks of weights to whole numbers from -8 to 7 times one scale, with the least square error of some scales tried.</summary>
/// <remarks>
/// Numbers are found by rounding with a trial step; the scale is then the one that fits them best, Σ w·q / Σ q², which leaves the error
/// Σ w² - (Σ w·q)² / Σ q². The steps tried put the largest weight near -8, the longer side. Sums have a fixed order and fixed width, so every
/// machine makes the same numbers.
/// </remarks>
internal static class BlockQuantization
{
    /// <summary>Where the largest weight of the block is put, one after the other.</summary>
    private static readonly float[] LargestAt = [-8f, -7.75f, -7.5f, -7.25f, -7f, -6.75f, -8.25f, -8.5f];

    /// <param name="weights">A multiple of 8 weights.</param>
    /// <param name="target">Half as many bytes: number + 8 in nibbles, the even column low.</param>
    /// <returns>The scale; 0 for a block of zeros.</returns>
    public static float Quantize(ReadOnlySpan<float> weights, Span<byte> target)
    {
        Debug.Assert(weights.Length % Vector256<float>.Count == 0 && target.Length == weights.Length / 2, "A whole block.");
        float largest = Largest(weights);
        float bestFactor = 0;
        float bestScale = 0;
        float bestGain = 0;
        foreach (float at in LargestAt)
        {
            float factor = at / largest;
            (float products, float squares) = Fit(weights, factor);
            if (float.IsFinite(factor) && products * products / squares > bestGain)
            {
                (bestFactor, bestScale, bestGain) = (factor, products / squares, products * products / squares);
            }
        }

        Write(weights, bestFactor, target);
        return bestScale;
    }

    /// <summary>The weight of largest magnitude, with its sign.</summary>
    private static float Largest(ReadOnlySpan<float> weights)
    {
        float largest = 0;
        foreach (float weight in weights)
        {
            largest = MathF.Abs(weight) > MathF.Abs(largest) ? weight : largest;
        }

        return largest;
    }

    /// <returns>Σ w·q and Σ q².</returns>
    private static (float Products, float Squares) Fit(ReadOnlySpan<float> weights, float factor)
    {
        Vector256<float> products = Vector256<float>.Zero;
        Vector256<float> squares = Vector256<float>.Zero;
        for (int i = 0; i < weights.Length; i += Vector256<float>.Count)
        {
            var values = Vector256.Create(weights[i..]);
            Vector256<float> numbers = Round(values, factor);
            products += values * numbers;
            squares += numbers * numbers;
        }

        return (Sum(products), Sum(squares));
    }

    /// <summary>Adds the lanes in one order on every machine.</summary>
    private static float Sum(Vector256<float> values)
    {
        Vector128<float> halves = values.GetLower() + values.GetUpper();
        return (halves[0] + halves[1]) + (halves[2] + halves[3]);
    }

    private static void Write(ReadOnlySpan<float> weights, float factor, Span<byte> target)
    {
        Span<float> numbers = stackalloc float[Vector256<float>.Count];
        for (int i = 0; i < weights.Length; i += numbers.Length)
        {
            Round(Vector256.Create(weights[i..]), factor).CopyTo(numbers);
            for (int pair = 0; pair < numbers.Length; pair += 2)
            {
                int low = (int)numbers[pair] + Int4Matrix.ZeroPoint;
                int high = (int)numbers[pair + 1] + Int4Matrix.ZeroPoint;
                target[(i + pair) / 2] = (byte)(low | (high << 4));
            }
        }
    }

    private static Vector256<float> Round(Vector256<float> values, float factor) =>
        Vector256.Min(Vector256.Max(Vector256.Round(values * factor), Vector256.Create(-8f)), Vector256.Create(7f));
}
