using System.Numerics.Tensors;
using GlmCluster.Checkpoints.Encoders;

namespace GlmCluster.Engine.Embeddings;

/// <summary>Makes a text's vector of its tokens' vectors. Sums go from the first token to the last, so the same text gives the same bits.</summary>
/// <remarks>After <c>Pooling.py</c> of sentence-transformers. Stateless and thread-safe.</remarks>
public static class TextPooling
{
    /// <param name="tokens">Shape (tokens, <paramref name="hiddenSize"/>).</param>
    /// <param name="recipe">What is computed.</param>
    /// <param name="hiddenSize">Width of a token's vector.</param>
    /// <param name="target">Shape (modes · hiddenSize,).</param>
    public static void Pool(ReadOnlySpan<float> tokens, EmbeddingRecipe recipe, int hiddenSize, Span<float> target)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        for (int i = 0; i < recipe.Pooling.Length; i++)
        {
            Pool(tokens, recipe.Pooling[i], target.Slice(i * hiddenSize, hiddenSize));
        }

        if (recipe.Normalizes)
        {
            Normalize(target);
        }
    }

    /// <summary>Scales to length 1; a vector of zeros stays as it is.</summary>
    public static void Normalize(Span<float> vector)
    {
        double squares = 0;
        foreach (float value in vector)
        {
            squares += (double)value * value; // in one order on every machine
        }

        TensorPrimitives.Multiply(vector, squares > 0 ? (float)(1 / Math.Sqrt(squares)) : 0, vector);
    }

    private static void Pool(ReadOnlySpan<float> tokens, PoolingMode mode, Span<float> target)
    {
        int hidden = target.Length;
        int count = tokens.Length / hidden;
        int first = mode == PoolingMode.LastToken ? count - 1 : 0;
        tokens.Slice(first * hidden, hidden).CopyTo(target);
        if (mode is PoolingMode.FirstToken or PoolingMode.LastToken)
        {
            return;
        }

        for (int token = 1; token < count; token++)
        {
            ReadOnlySpan<float> vector = tokens.Slice(token * hidden, hidden);
            switch (mode)
            {
                case PoolingMode.Max:
                    TensorPrimitives.Max(target, vector, target);
                    break;
                case PoolingMode.WeightedMean:
                    TensorPrimitives.MultiplyAdd(vector, token + 1f, target, target);
                    break;
                default:
                    TensorPrimitives.Add(target, vector, target);
                    break;
            }
        }

        float divisor = mode switch
        {
            PoolingMode.Mean => count,
            PoolingMode.MeanOfRoot => MathF.Sqrt(count),
            PoolingMode.WeightedMean => count * (count + 1f) / 2,
            _ => 1,
        };
        TensorPrimitives.Divide(target, divisor, target);
    }
}
