using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Routing;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.Contracts;

/// <summary>What the contract tests need of a fabric: open it, kill it, open it again over the same store.</summary>
public abstract class FabricHarness : IAsyncDisposable
{
    public static TimeSpan ResumeWindow { get; } = TimeSpan.FromSeconds(60);

    public static TimeSpan ConversationTtl { get; } = TimeSpan.FromHours(24);

    public static ModelCard Model { get; } = SampleModel.Card();

    /// <summary>What one caller may have.</summary>
    internal CallerLimits CallerLimits { get; init; } = new();

    /// <summary>Moves only when a test moves it.</summary>
    public ManualTimeProvider Time { get; } = new();

    public EventRecorder Events { get; } = new();

    public abstract IGenerationClient Generations { get; }

    public abstract IWorkerFabric Workers { get; }

    public abstract IConversationStore Conversations { get; }

    public abstract IModelDirectory Models { get; }

    public IEmbedder Embeddings => (IEmbedder)Generations;

    public IEmbeddingFabric Embedders => (IEmbeddingFabric)Generations;

    public abstract Task OpenAsync();

    /// <summary>Drops everything that is not in the store, as a crash of the process would, and opens the fabric again.</summary>
    public abstract Task KillAndReopenAsync();

    /// <summary>Returns once everything logged so far would survive <see cref="KillAndReopenAsync"/>.</summary>
    public abstract Task FlushLogAsync();

    /// <summary>Whether a kill loses what was logged since the last <see cref="FlushLogAsync"/>.</summary>
    public abstract bool LosesTailOnKill { get; }

    /// <summary>Whether a generation that got tokens from a worker that died runs alone next; it does where that makes nobody wait.</summary>
    public abstract bool SuspectsThoseWithTokens { get; }

    /// <summary>Every count of a generation's tokens.</summary>
    public abstract Task<IReadOnlyList<TokenUsage>> UsageAsync(GenerationId id);

    public abstract ValueTask DisposeAsync();

    /// <summary>A worker that answers with <see cref="Samples.Answer"/>.</summary>
    public Task<ScriptedWorker> JoinAsync(
        bool paused = false, ModelCard? card = null, int maxSequences = 64, int maxQueued = 64, int answerTokens = 5) =>
        ScriptedWorker.JoinAsync(
            Workers, Models, card ?? Model, SampleModel.TextAssets, _ => Samples.Answer(answerTokens), paused, maxSequences, maxQueued);

    /// <summary>A worker whose frames the test writes itself.</summary>
    public async Task<IWorkerSession> JoinByHandAsync()
    {
        await Models.PublishAsync(Model, SampleModel.TextAssets, CancellationToken.None);
        return await Workers.JoinAsync(new WorkerCard("by hand", Model.Model, 8, 8, null), CancellationToken.None);
    }

    public async Task<GenerationSnapshot> AdmitAsync(GenerationRequest request) =>
        Assert.IsType<Admitted>(await Generations.AdmitAsync(request, CancellationToken.None)).Snapshot;

    public async Task<GenerationFault> RefuseAsync(GenerationRequest request) =>
        Assert.IsType<Refused>(await Generations.AdmitAsync(request, CancellationToken.None)).Fault;

    /// <summary>Admits and reads to the end.</summary>
    public async Task<GenerationId> AnswerAsync(GenerationRequest request)
    {
        await AdmitAsync(request);
        await ReadAsync(request.Id);
        return request.Id;
    }

    public async Task<(ImmutableArray<int> Ids, GenerationEnd End)> ReadAsync(GenerationId id)
    {
        await using var reader = new TokenReader(Generations, id);
        return await reader.ReadToEndAsync();
    }

    public async Task<GenerationState?> StateAsync(GenerationRequest request) =>
        (await Generations.FindAsync(request.Id, request.Caller, CancellationToken.None))?.State;

    /// <summary>Returns once a generation stands so: readers of some fabrics need a moment to be counted in.</summary>
    public async Task WaitForAsync(GenerationRequest request, GenerationState state)
    {
        while (await StateAsync(request) != state)
        {
            await Task.Yield();
        }
    }
}
