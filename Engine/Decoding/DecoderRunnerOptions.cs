using System.Collections.Immutable;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.WeightCache;

namespace GlmCluster.Engine.Decoding;

/// <summary>How a decoder is loaded and how large its steps can be.</summary>
public sealed record DecoderRunnerOptions
{
    /// <summary>One device has all layers; over several, layers are split into stages in this order.</summary>
    public ImmutableArray<DeviceName> Devices { get; init; } = [new(DeviceKind.Cpu, 0)];

    /// <summary>Threads that share a step's work, the caller's included; at least 1. They are shared out between stages, at least one each.</summary>
    public required int Threads { get; init; }

    public WeightFormat WeightFormat { get; init; } = WeightFormat.F32;

    /// <summary>Where quantised weights are kept; null: nowhere, they are quantised at every load.</summary>
    public WeightCachePlan? WeightCache { get; init; }

    public KvFormat KvFormat { get; init; } = KvFormat.F32;

    /// <summary>Blocks of the KV cache; at least 1. Memory is taken as blocks are used.</summary>
    public required int BlockCount { get; init; }

    /// <summary>Most new tokens in a step; at least 1.</summary>
    public required int MaxStepTokens { get; init; }

    /// <summary>Most sequences in a step; at least 1.</summary>
    public required int MaxSequences { get; init; }

    /// <summary>Most tokens of a sequence; at least 1.</summary>
    public required int ContextTokens { get; init; }
}
