using System.Collections.Immutable;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Loop;

namespace GlmCluster.Silo.Loading;

/// <summary>Which model to load, and how much of the machine it may take.</summary>
public sealed record ModelLoadOptions
{
    /// <summary>Hugging Face GLM folder.</summary>
    public required string Folder { get; init; }

    /// <summary>Name clients ask for.</summary>
    public required string Name { get; init; }

    /// <summary>For example <c>cpu:0</c>; several with commas between them split the layers into stages.</summary>
    public string Device { get; init; } = "cpu:0";

    /// <summary>Threads of the arithmetic, at least 1.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Null: f32 while that is small, else int8.</summary>
    public WeightFormat? Weights { get; init; }

    /// <summary>Null: f32 with f32 weights, else bf16.</summary>
    public KvFormat? Kv { get; init; }

    /// <summary>Longest context in tokens; null: the model's own, or what the KV cache holds.</summary>
    public int? MaxContext { get; init; }

    /// <summary>Sequences in one step.</summary>
    public int MaxSequences { get; init; } = 32;

    /// <summary>New tokens in one step, at least <see cref="MaxSequences"/>.</summary>
    public int StepTokens { get; init; } = 512;

    /// <summary>Bytes the KV cache may take; null: planned from what the machine has.</summary>
    public long? KvMemoryBytes { get; init; }

    /// <summary>Weight in the division of planned KV memory among models that start together, at least 1.</summary>
    public int KvShare { get; init; } = 1;

    /// <summary>What other models of this process take.</summary>
    public ImmutableArray<MemoryClaim> Others { get; init; } = [];

    /// <summary>Generations that may wait beyond those in a step.</summary>
    public int MaxQueued { get; init; } = 1000;

    /// <summary>Processes among which the machine's memory is divided, at least 1.</summary>
    public int MemoryShares { get; init; } = 1;

    /// <summary>How much longer than without prompts a step may take while others decode, more than 1.</summary>
    public double PrefillSlowdown { get; init; } = 1.5;

    /// <summary>Who shares the prefix cache.</summary>
    public CacheScope CacheScope { get; init; }

    /// <summary>ONNX Runtime library; null: searched.</summary>
    public string? OnnxRuntimeLibrary { get; init; }

    /// <summary>Folder for content hashes and quantised weights.</summary>
    public required string CacheFolder { get; init; }
}
