using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Grains.Embeddings;

/// <summary>What fabrics refuse in the same words.</summary>
internal static class EmbeddingFaults
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    public static EmbeddingRefused NoWorker(ModelReference model) => new(new GenerationFault(
        GenerationFaultCode.Unavailable, $"No worker offers the model '{model.Name}' at the moment. Try again later.", RetryAfter));

    public static EmbeddingRefused Lost(ModelReference model) => new(new GenerationFault(
        GenerationFaultCode.WorkerLost, $"The workers of the model '{model.Name}' cannot be reached. Try again later.", RetryAfter));
}
