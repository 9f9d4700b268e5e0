using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Engine.Embeddings;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Silo.Embeddings;

/// <summary>An embedding model ready to run, with what the directory and operators are told about it.</summary>
public sealed class LoadedEncoder : IDisposable
{
    private readonly IDisposable _weights;

    internal LoadedEncoder(IDisposable weights) => _weights = weights;

    public required ModelCard Card { get; init; }

    public required TextAssets Assets { get; init; }

    public required EncoderRunner Runner { get; init; }

    public required EmbeddingRecipe Recipe { get; init; }

    public required EmbeddingEngineOptions EngineLimits { get; init; }

    /// <summary>Memory of the weights in bytes, about.</summary>
    public required long WeightBytes { get; init; }

    public required TimeSpan LoadTime { get; init; }

    public required string Folder { get; init; }

    public void Dispose()
    {
        Runner.Dispose();
        _weights.Dispose();
    }
}
