using System.Collections.Immutable;

namespace GlmCluster.Checkpoints.Encoders;

/// <summary>How a text's vector is made of its tokens' vectors.</summary>
/// <param name="Pooling">What is computed; several are put one after the other.</param>
/// <param name="Normalizes">Whether the result is scaled to length 1.</param>
/// <param name="MaxTokens">Most tokens of a text, those around it included.</param>
public sealed record EmbeddingRecipe(ImmutableArray<PoolingMode> Pooling, bool Normalizes, int MaxTokens)
{
    /// <summary>Numbers of a text's vector.</summary>
    public int Dimensions(EncoderConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return Pooling.Length * configuration.HiddenSize;
    }
}

/// <summary>Ways to make one vector of many, in the order in which sentence-transformers puts several one after the other.</summary>
public enum PoolingMode
{
    /// <summary>The first token's.</summary>
    FirstToken,

    /// <summary>The largest of each column.</summary>
    Max,

    /// <summary>The mean of each column.</summary>
    Mean,

    /// <summary>The sum of each column divided by the root of the number of tokens.</summary>
    MeanOfRoot,

    /// <summary>The mean with weights 1, 2, 3 and so on.</summary>
    WeightedMean,

    /// <summary>The last token's.</summary>
    LastToken,
}
