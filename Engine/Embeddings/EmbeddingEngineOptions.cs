namespace GlmCluster.Engine.Embeddings;

/// <summary>Limits of an <see cref="EmbeddingEngine"/>.</summary>
public sealed record EmbeddingEngineOptions
{
    /// <summary>Tokens that a step takes; a longer text is a step of its own. At least 1.</summary>
    public int StepTokens { get; init; } = 512;

    /// <summary>Most requests that wait or are computed.</summary>
    public int MaxQueuedRequests { get; init; } = 1000;

    /// <summary>Most tokens of all of them: 4 bytes each.</summary>
    public long MaxQueuedTokens { get; init; } = 8 << 20;
}
