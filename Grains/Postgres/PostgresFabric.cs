using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Embeddings;
using GlmCluster.Grains.Postgres.Conversations;
using GlmCluster.Grains.Postgres.Live;
using GlmCluster.Grains.Postgres.Members;
using GlmCluster.Grains.Postgres.Moves;
using GlmCluster.Grains.Postgres.Readers;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Postgres.Workers;
using GlmCluster.Grains.Routing;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.Postgres;

/// <summary>
/// The fabric of many processes: PostgreSQL says who runs what and keeps every log; tokens travel from silos to gateways on the live path once they
/// are written. Any process may die at any time; the others notice and go on. Thread-safe.
/// </summary>
public sealed class PostgresFabric : IGenerationClient, IWorkerFabric, IConversationStore, IModelDirectory, IEmbedder, IEmbeddingFabric,
    IAsyncDisposable
{
    private static readonly GenerationFault StoreRefuses = new(
        GenerationFaultCode.Unavailable,
        "The server cannot store requests at the moment; its log says why. Try again later.",
        RetryAfter: TimeSpan.FromSeconds(10));

    private readonly PostgresFabricOptions _options;
    private readonly ILogger _logger;
    private readonly AdmissionQueue _admissions;
    private readonly ClusterHints _hints = new();
    private readonly PostgresConversations _conversations;
    private readonly PublishedModels _models;
    private readonly WorkerMembership _workers;
    private readonly LiveLinks _links;
    private readonly EmbeddingRouter _embeddings;
    private readonly ReaderTable _readers;
    private readonly NotificationListener _listener;
    private readonly MemberWatch _watch;

    private PostgresFabric(PostgresFabricOptions options, PostgresStore store, ILiveConnector connector, TimeProvider time, ILogger logger)
    {
        _options = options;
        _logger = logger;
        Store = store;
        Clock = new ClusterClock(time, store.OpenedAt);
        Ends = new EndWriter(Clock);
        var dispatch = new DispatchPass(new DispatchPlanner(new Router(RoutingPolicies.Create(options.Routing))), _hints);
        Readers = new ReaderMoves(options, Clock, dispatch, Ends);
        Expiry = new Expiry(Clock, Ends);
        _admissions = new AdmissionQueue(store, new AdmissionMove(options, Clock, dispatch));
        _conversations = new PostgresConversations(store, this, Clock, options.ConversationTtl);
        _models = new PublishedModels(store);
        _workers = new WorkerMembership(this, new Takeover(Clock, Readers, dispatch, Ends), dispatch, options.LiveUrl, logger);
        _links = new LiveLinks(connector, store.Secret, _workers.TakeOverAbsentAsync, time, logger);
        _embeddings = new EmbeddingRouter(_links);
        _readers = new ReaderTable(Process, store, Readers, _links, Clock, logger);
        _watch = new MemberWatch(this, options, time, logger);
        var wakeups = new WakeupReceiver(_workers, _readers, RefreshDirectoryAsync, logger);
        _listener = new NotificationListener(store.Listening, WakeupReceiver.Channels, wakeups.Receive, wakeups.ReceiveAll, logger);
    }

    public ImmutableArray<ModelCard> Offered => _models.Offered;

    public ValueTask<bool> IsKnownAsync(string name, CancellationToken cancellationToken) => _models.IsKnownAsync(name, cancellationToken);

    /// <summary>What gateways and silos of this cluster prove to each other that they know; kept in the database, which all of them can read.</summary>
    public ReadOnlyMemory<byte> Secret => Store.Secret;

    /// <summary>Names this process among the others.</summary>
    internal Guid Process { get; } = Guid.NewGuid();

    internal PostgresStore Store { get; }

    internal ClusterClock Clock { get; }

    internal EndWriter Ends { get; }

    internal ReaderMoves Readers { get; }

    internal Expiry Expiry { get; }

    internal LiveFeed Feed { get; } = new();

    /// <summary>Opens the database, brings its schema up to date where that only adds, and joins the cluster.</summary>
    /// <exception cref="StoreException">The database cannot be used; the message says why and what to do.</exception>
    public static async ValueTask<PostgresFabric> OpenAsync(
        PostgresFabricOptions options, ILiveConnector connector, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        PostgresStore store = await PostgresStore.OpenAsync(options.ConnectionString, options.MaxConnections, time, logger, cancellationToken);
        var fabric = new PostgresFabric(options, store, connector, time, logger);
        try
        {
            await fabric._listener.StartAsync();
            await fabric._watch.StartAsync();
            await fabric.RefreshDirectoryAsync();
            return fabric;
        }
        catch
        {
            await fabric.AbandonAsync();
            throw;
        }
    }

    /// <summary>Brings the schema up to date, contracting steps too.</summary>
    /// <returns>The version in force.</returns>
    /// <exception cref="StoreException">The database cannot be used; the message says why and what to do.</exception>
    public static Task<int> MigrateAsync(string connectionString, CancellationToken cancellationToken) =>
        PostgresStore.MigrateAsync(connectionString, cancellationToken);

    /// <summary>Reads what operators want to know, without joining the cluster.</summary>
    /// <exception cref="StoreException">The database cannot be used, or holds no cluster.</exception>
    public static Task<ClusterStatus> ReadStatusAsync(string connectionString, CancellationToken cancellationToken) =>
        PostgresStore.ReadStatusAsync(connectionString, cancellationToken);

    /// <summary>Reads what a cluster has counted and not let go of, without joining it.</summary>
    /// <exception cref="StoreException">The database cannot be used, or holds no cluster.</exception>
    public static Task<ClusterAudit> ReadAuditAsync(string connectionString, CancellationToken cancellationToken) =>
        PostgresStore.ReadAuditAsync(connectionString, cancellationToken);

    /// <summary>Serves the live path to one gateway until it leaves.</summary>
    public Task ServeLiveAsync(Stream requests, Stream messages, CancellationToken cancellationToken) =>
        Feed.ServeAsync(requests, messages, cancellationToken);

    public async ValueTask<Admission> AdmitAsync(GenerationRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return await _admissions.AdmitAsync(request);
        }
        catch (StoreException failure)
        {
            _logger.AdmissionNotStored(request.Id, failure.Message);
            return new Refused(StoreRefuses);
        }
    }

    public async ValueTask<GenerationSnapshot?> FindAsync(GenerationId id, string caller, CancellationToken cancellationToken) =>
        await Store.RunAsync(PostgresStore.ClientPatience, async (connection, token) =>
        {
            if (await GenerationRows.FindAsync(connection, id, token) is not { } row
                || row.Request.Caller != caller
                || await IsExpiredAsync(connection, id, token))
            {
                return null;
            }

            long? logged = row.Worker is null ? null : (await TokenLogRows.ReadWholeAsync(connection, id, token)).Count;
            return AdmissionMove.Snapshot(row, logged);
        });

    public async IAsyncEnumerable<GenerationEvent> ReadAsync(GenerationId id, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        FollowedGeneration generation = await _readers.AttachAsync(id) ?? throw new KeyNotFoundException($"There is no generation '{id}'.");
        try
        {
            await foreach (GenerationEvent next in generation.Log.FollowAsync(cancellationToken))
            {
                yield return next;
            }
        }
        finally
        {
            await _readers.DetachAsync(generation);
        }
    }

    public async ValueTask CancelAsync(GenerationId id, string caller, CancellationToken cancellationToken) =>
        await Store.TransactAsync(PostgresStore.ClientPatience, (connection, token) => Readers.CancelAsync(connection, id, caller, token));

    public async ValueTask<IWorkerSession> JoinAsync(WorkerCard card, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(card);
        return await _workers.JoinAsync(card);
    }

    public async ValueTask<IEmbeddingSession> JoinAsync(WorkerCard card, IEmbedder embedder, CancellationToken cancellationToken) =>
        new EmbedderSession(await JoinAsync(card, cancellationToken), Feed.Embedders, card, embedder);

    public ValueTask<EmbeddingOutcome> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _embeddings.EmbedAsync(request, cancellationToken);
    }

    async ValueTask<IReadOnlyList<WorkerStatus>> IWorkerFabric.ListAsync(CancellationToken cancellationToken) =>
        [.. (await Store.RunAsync(PostgresStore.ClientPatience, WorkerRows.ListAsync)).Select(worker => worker.Status)];

    public async ValueTask<bool> TakeOverAsync(IncarnationId incarnation, CancellationToken cancellationToken) =>
        await _workers.TakeOverAsync(incarnation);

    ValueTask<Conversation?> IConversationStore.FindAsync(GenerationId anyAnswer, string caller, CancellationToken cancellationToken) =>
        _conversations.FindAsync(anyAnswer, caller, cancellationToken);

    public ValueTask<IReadOnlyList<ConversationSummary>> ListAsync(
        string caller, int limit, DateTimeOffset? usedBefore, CancellationToken cancellationToken) =>
        _conversations.ListAsync(caller, limit, usedBefore, cancellationToken);

    public ValueTask<bool> DeleteAsync(GenerationId conversation, string caller, CancellationToken cancellationToken) =>
        _conversations.DeleteAsync(conversation, caller, cancellationToken);

    public ValueTask PublishAsync(ModelCard card, ReadOnlyMemory<byte> textAssets, CancellationToken cancellationToken) =>
        _models.PublishAsync(card, textAssets, cancellationToken);

    public ValueTask<ReadOnlyMemory<byte>> ReadTextAssetsAsync(string hash, CancellationToken cancellationToken) =>
        _models.ReadTextAssetsAsync(hash, cancellationToken);

    /// <summary>Leaves the cluster: workers' generations go to others, what only this process's clients read is parked.</summary>
    public async ValueTask DisposeAsync()
    {
        _readers.Close();
        foreach (PostgresWorkerSession session in _workers.Sessions())
        {
            await session.DisposeAsync();
        }

        try
        {
            await _watch.EvictAsync(Process);
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException)
        {
            _logger.LookFailed(failure.Message);
        }

        await AbandonAsync();
    }

    /// <summary>Closes everything without telling anybody.</summary>
    internal async Task AbandonAsync()
    {
        _readers.Close();
        foreach (PostgresWorkerSession session in _workers.Sessions())
        {
            session.Seal();
        }

        Task closing = Store.DisposeAsync().AsTask();
        await _watch.DisposeAsync();
        await _listener.DisposeAsync();
        await _links.DisposeAsync();
        await closing;
    }

    /// <summary>Takes a member for dead.</summary>
    internal Task EvictAsync(Guid member) => _watch.EvictAsync(member);

    /// <inheritdoc cref="WorkerMembership.FetchAllAsync"/>
    internal Task FetchAllAsync() => _workers.FetchAllAsync();

    /// <inheritdoc cref="WorkerMembership.DispatchAsync"/>
    internal Task DispatchAsync(ModelReference model, bool onlyIfWaiting) => _workers.DispatchAsync(model, onlyIfWaiting);

    /// <inheritdoc cref="WorkerMembership.LeaveAsync"/>
    internal Task LeaveAsync(PostgresWorkerSession session, TimeSpan patience) => _workers.LeaveAsync(session, patience);

    /// <summary>Reads again which models are offered, by which silos, and what these have cached.</summary>
    internal async Task RefreshDirectoryAsync()
    {
        ReadDigests known = _hints.Digests;
        (List<ModelCard> cards, List<WorkerRow> workers) = await Store.RunAsync(PostgresStore.ClientPatience, async (connection, token) =>
            (await ModelRows.OfferedAsync(connection, token), await WorkerRows.ListAsync(connection, known.Numbers, token)));
        _models.Offer(cards);
        _embeddings.Offer(workers.Where(worker => worker.Url is not null).Select(worker => (worker.Status.Card.Model, worker.Url!)));
        _hints.Observe(workers, known);
        await _links.KeepAsync(workers.Select(worker => worker.Url).OfType<Uri>().ToHashSet());
    }

    internal Task AttachAgainAsync() => _readers.AttachAgainAsync();

    private Task<bool> IsExpiredAsync(Npgsql.NpgsqlConnection connection, GenerationId id, CancellationToken cancellationToken) =>
        GenerationRows.IsExpiredAsync(
            connection, id, Clock.Now - _options.ResumeWindow.Ticks, Clock.Now - _options.ConversationTtl.Ticks, cancellationToken);
}
