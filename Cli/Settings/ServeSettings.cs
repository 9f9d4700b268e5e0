using System.Collections.Immutable;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Loop;
using GlmCluster.Gateway.Models;
using GlmCluster.Grains.Routing;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Settings;

/// <summary>What the server is told at start. Made by <see cref="SettingsLoader"/>, so every value is in its allowed range and every path is full.</summary>
internal sealed record ServeSettings
{
    public const string DefaultHub = "https://huggingface.co";

    /// <summary>What a server does that is told nothing.</summary>
    public static ServeSettings Default { get; } = new()
    {
        Models = [new ModelEntry(UserFolders.BundledModel, null)],
        StoreFile = Path.Combine(UserFolders.Data, "glm.db"),
        CacheFolder = UserFolders.Cache,
    };

    /// <summary>Models to run, at least one.</summary>
    public required ImmutableArray<ModelEntry> Models { get; init; }

    /// <summary>Folder of the first model.</summary>
    public string ModelFolder => Models[0].Folder;

    /// <summary>Name clients ask for where there is one model; null: not chosen here.</summary>
    public string? ModelNameOverride { get; init; }

    /// <summary>Name of the first model.</summary>
    public string ModelName => Models[0].Name ?? ModelNameOverride ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(ModelFolder));

    /// <summary>Other names of models.</summary>
    public ImmutableSortedDictionary<string, ModelAlias> Aliases { get; init; } = ImmutableSortedDictionary.Create<string, ModelAlias>(StringComparer.Ordinal);

    /// <summary>Folder of the embedding model that a server runs beside its other models; null: none.</summary>
    public string? EmbeddingModelFolder { get; init; } = UserFolders.BundledEmbedding;

    /// <summary>Whether a text to embed that is longer than its model takes is cut, where the request does not say.</summary>
    public bool CutsLongEmbeddings { get; init; } = true;

    /// <summary>IP address, or <c>localhost</c>.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>0 takes a free port.</summary>
    public int Port { get; init; } = 8000;

    /// <summary>Threads of the arithmetic. The runtime's processor count already respects a cgroup's CPU limit.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>How weights are held in memory; null: f32 while that is small, else int8.</summary>
    public WeightFormat? Weights { get; init; }

    /// <summary>How keys and values are held in memory; null: f32 with f32 weights, else bf16.</summary>
    public KvFormat? Kv { get; init; }

    /// <summary>Longest context in tokens; null: the model's own.</summary>
    public int? MaxContext { get; init; }

    /// <summary>Sequences in one step.</summary>
    public int MaxSequences { get; init; } = 32;

    /// <summary>Requests that may wait for room beyond the running ones.</summary>
    public int MaxQueued { get; init; } = 1000;

    /// <summary>New tokens in one step.</summary>
    public int StepTokens { get; init; } = 512;

    /// <summary>Bytes of the KV cache; null: planned from what the machine has.</summary>
    public long? KvMemoryBytes { get; init; }

    /// <summary>Weight in the division of planned KV memory among several models.</summary>
    public int KvShare { get; init; } = 1;

    /// <summary>Processes among which the machine's memory is divided.</summary>
    public int MemoryShares { get; init; } = 1;

    /// <summary>How much longer a token of a running answer may take while prompts are read.</summary>
    public double PrefillSlowdown { get; init; } = 1.5;

    /// <summary>Who shares the prefix cache.</summary>
    public CacheScope CacheScope { get; init; }

    /// <summary>SQLite file of conversations and generations; null: memory only.</summary>
    public required string? StoreFile { get; init; }

    /// <summary>For example <c>cpu:0</c> or <c>cuda:0</c>.</summary>
    public string Device { get; init; } = "cpu:0";

    /// <summary>ONNX Runtime library; null: searched beside the program and in the npm folder.</summary>
    public string? OnnxRuntimeLibrary { get; init; }

    /// <summary>Folder for what can be made again, such as content hashes and converted weights.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>Folder of pulled models.</summary>
    public string ModelsFolder { get; init; } = Path.Combine(UserFolders.Data, "models");

    /// <summary>Hugging Face-compatible server that models are pulled from.</summary>
    public Uri HubEndpoint { get; init; } = new(DefaultHub);

    /// <summary>What shows that server who asks; null: nothing.</summary>
    public string? HubToken { get; init; }

    /// <summary>How long a generation whose client left waits for it to come back.</summary>
    public TimeSpan ResumeWindow { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a conversation is kept after its last use.</summary>
    public TimeSpan ConversationTtl { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Npgsql connection string of the cluster's database; null: not set.</summary>
    public string? Database { get; init; }

    /// <summary>IP address at which a silo waits for gateways.</summary>
    public string LiveHost { get; init; } = "127.0.0.1";

    /// <summary>0 takes a free port.</summary>
    public int LivePort { get; init; }

    /// <summary>Name or address at which gateways reach a silo; null: <see cref="LiveHost"/>, or this machine's address where that is every network.</summary>
    public string? Advertise { get; init; }

    /// <summary>Port of a silo's health endpoint; 0 takes a free one.</summary>
    public int HealthPort { get; init; }

    /// <summary>Most time that a gateway or silo takes after SIGTERM to let answers end or to hand them over.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>One of <see cref="RoutingPolicies.Names"/>.</summary>
    public string Routing { get; init; } = RoutingPolicies.Default;

    /// <summary>What one caller may have of one model.</summary>
    public CallerLimits CallerLimits { get; init; } = new();

    /// <summary>How long a client may take next to nothing of what waits for it.</summary>
    public TimeSpan SlowReaderTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Socket for commands to the running server, or <c>off</c>; null: in the usual place.</summary>
    public string? Control { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>For a server inside another command: reached from this machine only, at a free port, quiet, and without a store.</summary>
    public ServeSettings ForEmbeddedServer() => this with { Host = "127.0.0.1", Port = 0, StoreFile = null, LogLevel = LogLevel.Warning };

    /// <summary>The settings as they are for one model: what it has for itself goes before what the server has.</summary>
    public ServeSettings Of(ModelEntry model) =>
        model.Own.Aggregate(this with { Models = [model] }, (settings, own) => own.Setting.Apply(settings, own.Text)!);
}
