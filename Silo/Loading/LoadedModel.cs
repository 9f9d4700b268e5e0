using System.Collections.Immutable;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Stepping;
using GlmCluster.Engine.WeightCache;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Silo.Loading;

/// <summary>A model ready to run, with what the directory and operators are told about it.</summary>
public sealed class LoadedModel : IDisposable
{
    private readonly IDisposable _weights;

    internal LoadedModel(IDisposable weights) => _weights = weights;

    public required ModelCard Card { get; init; }

    public required TextAssets Assets { get; init; }

    public required TextModel Text { get; init; }

    public required IStepRunner Runner { get; init; }

    public required ModelSizes Sizes { get; init; }

    /// <summary>What each device has of it, in the order that a token passes them.</summary>
    public required ImmutableArray<StageShare> Stages { get; init; }

    public required GenerationEngineOptions EngineLimits { get; init; }

    /// <summary>Weights, counted once each.</summary>
    public required long Parameters { get; init; }

    /// <summary>Where the weights came from, and how long each part of that took.</summary>
    public WeightLoadReport WeightLoad { get; init; } = new();

    public required TimeSpan LoadTime { get; init; }

    /// <summary>Where it was loaded from; null: it was made up.</summary>
    public string? Folder { get; init; }

    /// <summary>As set.</summary>
    public required string Device { get; init; }

    /// <summary>Threads of the arithmetic.</summary>
    public required int Threads { get; init; }

    public void Dispose()
    {
        Runner.Dispose();
        _weights.Dispose();
    }
}
