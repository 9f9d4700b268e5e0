using System.Collections.Immutable;
using System.Text.Json;
using GlmCluster.Engine.Stepping;
using GlmCluster.Silo.Loading;
using GlmCluster.TestKit;

namespace GlmCluster.Silo.Tests;

/// <summary>The bundled model, loaded once for a class of tests, and its reference answers.</summary>
public class NanoModel : IAsyncLifetime
{
    private readonly DirectoryInfo _cache = Directory.CreateTempSubdirectory("glm-cache-");

    public LoadedModel Model { get; private set; } = null!;

    /// <summary>Prompt ids and greedy answer (end token included) as the reference implementation computed them.</summary>
    public ImmutableArray<ReferenceAnswer> References { get; } = ReadReferences();

    /// <summary>The reference with the most tokens: room to interrupt it.</summary>
    public ReferenceAnswer Longest => References.MaxBy(r => r.GreedyIds.Length)!;

    /// <summary>How it is loaded.</summary>
    protected virtual ModelLoadOptions Options => new()
    {
        Folder = RepositoryFolder.Path("assets", "glm-nano"),
        Name = "glm-nano",
        Threads = 2,
        MaxSequences = 16,
        KvMemoryBytes = 64 << 20,
        CacheFolder = _cache.FullName,
    };

    public async ValueTask InitializeAsync()
    {
        Model = await new ModelLoader(Options, TimeProvider.System, progress: null).LoadFolderAsync(CancellationToken.None);
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Model.Dispose();
        _cache.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>The model with another runner, which stays the caller's.</summary>
    public LoadedModel With(IStepRunner runner) => new(weights: new MemoryStream())
    {
        Card = Model.Card,
        Assets = Model.Assets,
        Text = Model.Text,
        Runner = runner,
        Sizes = Model.Sizes,
        Stages = Model.Stages,
        EngineLimits = Model.EngineLimits,
        Parameters = Model.Parameters,
        LoadTime = Model.LoadTime,
        Device = Model.Device,
        Threads = Model.Threads,
    };

    private static ImmutableArray<ReferenceAnswer> ReadReferences()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(RepositoryFolder.Path("tests", "data", "nano", "reference.json")));
        return
        [
            .. document.RootElement.EnumerateArray().Select(answer => new ReferenceAnswer(
                Ids(answer.GetProperty("prompt_ids")), Ids(answer.GetProperty("greedy_ids")), answer.GetProperty("text").GetString()!)),
        ];
    }

    private static ImmutableArray<int> Ids(JsonElement ids) => [.. ids.EnumerateArray().Select(id => id.GetInt32())];
}

/// <summary>The same with hardly any room: prompts are prefilled in many chunks, and sequences push each other out of the cache.</summary>
public sealed class CrampedNanoModel : NanoModel
{
    /// <summary>KV blocks: one context and a little more, for 16 sequences.</summary>
    public const int Blocks = 20;

    private const int BlockBytes = 32 * 6 * 2 * 2 * 64 * sizeof(float); // tokens · layers · keys and values · KV heads · head size

    protected override ModelLoadOptions Options => base.Options with { MaxContext = 512, StepTokens = 16, KvMemoryBytes = Blocks * BlockBytes };
}

/// <summary>One prompt and its greedy answer.</summary>
public sealed record ReferenceAnswer(ImmutableArray<int> PromptIds, ImmutableArray<int> GreedyIds, string Text);
