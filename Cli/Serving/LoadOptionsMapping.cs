using GlmCluster.Cli.Settings;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.Serving;

/// <summary>From what the user set to what the loader takes.</summary>
internal static class LoadOptionsMapping
{
    public static ModelLoadOptions ToLoadOptions(this ServeSettings settings) => new()
    {
        Folder = settings.ModelFolder,
        Name = settings.ModelName,
        Device = settings.Device,
        Threads = settings.Threads,
        Weights = settings.Weights,
        Kv = settings.Kv,
        MaxContext = settings.MaxContext,
        MaxSequences = settings.MaxSequences,
        StepTokens = settings.StepTokens,
        KvMemoryBytes = settings.KvMemoryBytes,
        KvShare = settings.KvShare,
        MaxQueued = settings.MaxQueued,
        MemoryShares = settings.MemoryShares,
        PrefillSlowdown = settings.PrefillSlowdown,
        CacheScope = settings.CacheScope,
        OnnxRuntimeLibrary = settings.OnnxRuntimeLibrary,
        CacheFolder = settings.CacheFolder,
    };
}
