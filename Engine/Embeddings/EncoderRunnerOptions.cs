using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.WeightCache;

namespace GlmCluster.Engine.Embeddings;

/// <summary>How an encoder is loaded and how large its steps can be.</summary>
public sealed record EncoderRunnerOptions
{
    public DeviceName Device { get; init; } = new(DeviceKind.Cpu, 0);

    /// <summary>Threads that share a step's work, the caller's included; at least 1.</summary>
    public required int Threads { get; init; }

    public WeightFormat WeightFormat { get; init; } = WeightFormat.F32;

    /// <summary>Where quantised weights are kept; null: nowhere, they are quantised at every load.</summary>
    public WeightCachePlan? WeightCache { get; init; }

    /// <summary>Most tokens in a step; at least the longest text.</summary>
    public required int MaxStepTokens { get; init; }
}
