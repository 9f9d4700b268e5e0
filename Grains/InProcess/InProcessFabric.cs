using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Embeddings;
using GlmCluster.Grains.Routing;
using GlmCluster.Grains.Sqlite;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.InProcess;

/// <summary>The fabric of one process: a SQLite file holds what must last, memory holds what runs. Thread-safe.</summary>
/// <remarks>
/// Admissions and ends are on the disk before their call returns; tokens are written behind, at most 20 ms late, and what a crash loses of them is
/// generated again. Unfinished generations of an earlier process are parked when the fabric opens. A generation that belongs to no conversation
/// (<c>store: false</c> included) is stored only so that it survives a crash, and is overwritten once the resume window after its end is over.
/// </remarks>
public sealed class InProcessFabric : IGenerationClient, IWorkerFabric, IConversationStore, IModelDirectory, IEmbedder, IEmbeddingFabric,
    IAsyncDisposable
{
    private const int MaxListed = 1000;

    private static readonly GenerationFault StoreRefuses = new(
        GenerationFaultCode.Unavailable,
        "The server cannot store requests at the moment; its log says why. Try again later.",
        RetryAfter: TimeSpan.FromSeconds(10));

    private readonly LocalEmbedders _embedders = new();
    private readonly ModelDirectory _directory;
    private readonly LogFlusher _flusher;
    private readonly Dispatcher _dispatcher;
    private readonly EndCommitter _ends;
    private readonly ExpirySweep _sweep;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    private InProcessFabric(
        InProcessFabricOptions options, SqliteStore store, ModelDirectory directory, TimeProvider time, ILogger<InProcessFabric> logger)
    {
        Store = store;
        _directory = directory;
        _time = time;
        _logger = logger;
        _flusher = new LogFlusher(store, time, logger);
        _dispatcher = new Dispatcher(options, directory, new DispatchPlanner(new Router(RoutingPolicies.Create(options.Routing))), _flusher, time, logger);
        _ends = new EndCommitter(store, _dispatcher, time, logger);
        _sweep = new ExpirySweep(options, store, _dispatcher, _ends, time, logger);
    }

    public ImmutableArray<ModelCard> Offered => _directory.Offered;

    public ValueTask<bool> IsKnownAsync(string name, CancellationToken cancellationToken) => ValueTask.FromResult(_directory.IsKnown(name));

    internal SqliteStore Store { get; }

    /// <summary>Opens the store and parks what an earlier process left unfinished.</summary>
    /// <exception cref="StoreException">The store is in use, damaged, another program's, from a newer version, or cannot be written.</exception>
    public static async ValueTask<InProcessFabric> OpenAsync(
        InProcessFabricOptions options, TimeProvider time, ILogger<InProcessFabric> logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        cancellationToken.ThrowIfCancellationRequested();
        SqliteStore store = await SqliteStore.OpenAsync(options.StorePath);
        try
        {
            var fabric = new InProcessFabric(options, store, await ModelDirectory.LoadAsync(store), time, logger);
            List<StoredGeneration> unfinished = await store.FindUnfinishedAsync();
            unfinished.ForEach(generation => fabric._dispatcher.Recover(generation.Request, generation.Log));
            logger.StoreOpened(options.StorePath ?? "(memory)", unfinished.Count);
            fabric._sweep.Start();
            return fabric;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    public async ValueTask<Admission> AdmitAsync(GenerationRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();

        // A full cluster still answers a known idempotency key, so the store decides, knowing whether there is a place.
        GenerationFault? fault = _dispatcher.TryReserve(request);
        StoreAdmission admission;
        try
        {
            admission = await Store.AdmitAsync(request, fault, _time.GetUtcNow());
        }
        catch (StoreException failure)
        {
            GiveUp(request, fault);
            _logger.AdmissionNotStored(request.Id, failure.Message);
            return new Refused(StoreRefuses);
        }
        catch
        {
            GiveUp(request, fault);
            throw;
        }

        if (admission.Stored is not null)
        {
            return new Admitted(_dispatcher.Confirm(admission.Stored), Existing: false);
        }

        GiveUp(request, fault);
        return admission.Existing is { } existing
            ? new Admitted(_dispatcher.Find(existing.Request.Id) ?? Snapshot(existing), Existing: true)
            : new Refused(admission.Fault!);
    }

    public async ValueTask<GenerationSnapshot?> FindAsync(GenerationId id, string caller, CancellationToken cancellationToken)
    {
        GenerationSnapshot? found = _dispatcher.Find(id) ?? (await Store.FindAsync(id) is { } stored ? Snapshot(stored) : null);
        return found?.Request.Caller == caller ? found : null;
    }

    public async IAsyncEnumerable<GenerationEvent> ReadAsync(GenerationId id, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (_dispatcher.Attach(id) is not { } generation)
        {
            StoredGeneration ended = await Store.FindAsync(id) ?? throw new KeyNotFoundException($"There is no generation '{id}'.");
            foreach (LogEntry entry in ended.Log)
            {
                yield return new TokensAppended(
                    entry.FirstSeq, entry.Choice, entry.Ids.AsMemory(), entry.Logprobs.AsMemory(), entry.TopLogprobs.AsMemory(), entry.End);
            }

            yield return new GenerationEnded(ended.End ?? throw new InvalidOperationException($"Generation '{id}' has no end and does not run."));
            yield break;
        }

        try
        {
            await foreach (GenerationEvent next in generation.Log.FollowAsync(cancellationToken))
            {
                yield return next;
            }
        }
        finally
        {
            if (_dispatcher.Detach(generation) is { } planned)
            {
                await _ends.CommitAllAsync([planned]);
            }
        }
    }

    public async ValueTask CancelAsync(GenerationId id, string caller, CancellationToken cancellationToken)
    {
        if (_dispatcher.Cancel(id, caller) is { } planned)
        {
            await _ends.CommitAsync(planned);
        }
    }

    public ValueTask<IWorkerSession> JoinAsync(WorkerCard card, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(card);
        if (!_directory.IsPublished(card.Model))
        {
            throw new InvalidOperationException($"Worker '{card.Name}' joins with model '{card.Model.Name}', which was not published before.");
        }

        var session = new WorkerSession(card, _dispatcher, _ends);
        _dispatcher.Join(session);
        return ValueTask.FromResult<IWorkerSession>(session);
    }

    public async ValueTask<IEmbeddingSession> JoinAsync(WorkerCard card, IEmbedder embedder, CancellationToken cancellationToken) =>
        new EmbedderSession(await JoinAsync(card, cancellationToken), _embedders, card, embedder);

    public async ValueTask<EmbeddingOutcome> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _embedders.Find(request.Model) is { } embedder
            ? await embedder.EmbedAsync(request, cancellationToken)
            : EmbeddingFaults.NoWorker(request.Model);
    }

    public ValueTask<IReadOnlyList<WorkerStatus>> ListAsync(CancellationToken cancellationToken) => ValueTask.FromResult(_dispatcher.ListWorkers());

    public async ValueTask<bool> TakeOverAsync(IncarnationId incarnation, CancellationToken cancellationToken)
    {
        if (_dispatcher.FindWorker(incarnation) is not { } worker || _dispatcher.Remove(worker, isDead: true) is not { } planned)
        {
            return false;
        }

        await _ends.CommitAllAsync(planned);
        return true;
    }

    async ValueTask<Conversation?> IConversationStore.FindAsync(GenerationId anyAnswer, string caller, CancellationToken cancellationToken) =>
        await Store.FindConversationAsync(anyAnswer, caller);

    public async ValueTask<IReadOnlyList<ConversationSummary>> ListAsync(
        string caller, int limit, DateTimeOffset? usedBefore, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, MaxListed);
        return await Store.ListConversationsAsync(caller, limit, usedBefore ?? DateTimeOffset.MaxValue);
    }

    public async ValueTask<bool> DeleteAsync(GenerationId conversation, string caller, CancellationToken cancellationToken)
    {
        while (await Store.RemoveConversationAsync(conversation, caller) is { } found)
        {
            if (found.Running is not { } running)
            {
                return true;
            }

            // Another turn may be admitted between its end and the removal; then that one is cancelled too.
            await CancelAsync(running, caller, cancellationToken);
            await foreach (GenerationEvent _ in ReadAsync(running, cancellationToken))
            {
                // Only its end matters.
            }
        }

        return false;
    }

    public async ValueTask PublishAsync(ModelCard card, ReadOnlyMemory<byte> textAssets, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(card);
        await _directory.PublishAsync(card, textAssets);
    }

    public async ValueTask<ReadOnlyMemory<byte>> ReadTextAssetsAsync(string hash, CancellationToken cancellationToken) =>
        await _directory.ReadTextAssetsAsync(hash);

    /// <summary>Sends readers and workers away, writes the rest of the log, and closes the store.</summary>
    public async ValueTask DisposeAsync()
    {
        _sweep.Dispose();
        _dispatcher.Close();
        await _flusher.DisposeAsync();
        await Store.DisposeAsync();
    }

    private static GenerationSnapshot Snapshot(StoredGeneration stored) => new(
        stored.Request,
        stored.End is null ? GenerationState.Queued : GenerationState.Ended,
        stored.Log.Sum(entry => entry.Ids.Length),
        stored.End);

    /// <summary>Gives the place back that was held for a request, if one was.</summary>
    private void GiveUp(GenerationRequest request, GenerationFault? fault)
    {
        if (fault is null)
        {
            _dispatcher.GiveUp(request.Id);
        }
    }
}
