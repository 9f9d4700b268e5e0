using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Postgres.Live;
using GlmCluster.Grains.Postgres.Members;
using GlmCluster.Grains.Postgres.Moves;
using GlmCluster.Grains.Postgres.Readers;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Postgres.Workers;
using GlmCluster.Grains.Routing;
using GlmCluster.Grains.Sqlite;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.Postgres;

/// <summary>
/// The fabric of many processes: PostgreSQL says who runs what and keeps every log; tokens travel from silos to gateways on the live path once they
/// are written. Any process may die at any time; the others notice and go on. Thread-safe.
/// </summary>
public sealed class PostgresFabric : IGenerationClient, IWorkerFabric, IConversationStore, IModelDirectory, IAsyncDisposable
{
    private const int MaxListed = 1000;

    private static readonly GenerationFault StoreRefuses = new(
        GenerationFaultCode.Unavailable,
        "The server cannot store requests at the moment; its log says why. Try again later.",
        RetryAfter: TimeSpan.FromSeconds(10));

    private readonly PostgresFabricOptions _options;
    private readonly ILogger _logger;
    private readonly DispatchPass _dispatch = new(new LeastLoadedPolicy());
    private readonly AdmissionMove _admission;
    private readonly Takeover _takeover;
    private readonly LiveLinks _links;
    private readonly ReaderTable _readers;
    private readonly NotificationListener _listener;
    private readonly MemberWatch _watch;
    private readonly Lock _lock = new(); // guards _sessions
    private readonly List<PostgresWorkerSession> _sessions = [];
    private volatile ModelCard[] _offered = [];

    private PostgresFabric(PostgresFabricOptions options, PostgresStore store, ILiveConnector connector, TimeProvider time, ILogger logger)
    {
        _options = options;
        _logger = logger;
        Store = store;
        Clock = new ClusterClock(time, store.OpenedAt);
        Ends = new EndWriter(Clock);
        Readers = new ReaderMoves(options, Clock, _dispatch, Ends);
        Expiry = new Expiry(Clock, Ends);
        _admission = new AdmissionMove(options, Clock, _dispatch);
        _takeover = new Takeover(Clock, Readers, _dispatch, Ends);
        _links = new LiveLinks(connector, store.Secret, TakeOverAbsentAsync, time, logger);
        _readers = new ReaderTable(Process, store, Readers, _links, Clock, logger);
        _watch = new MemberWatch(this, options, time, logger);
        _listener = new NotificationListener(
            store.Listening, [Wakeups.Work, Wakeups.Moved, Wakeups.Members], OnNotification, WakeAll, logger);
    }

    public ImmutableArray<ModelCard> Offered => ImmutableCollectionsMarshal.AsImmutableArray(_offered);

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

    /// <summary>Serves the live path to one gateway until it leaves.</summary>
    public Task ServeLiveAsync(Stream requests, Stream messages, CancellationToken cancellationToken) =>
        Feed.ServeAsync(requests, messages, cancellationToken);

    public async ValueTask<Admission> AdmitAsync(GenerationRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return await Store.TransactAsync(
                PostgresStore.ClientPatience, (connection, token) => _admission.AdmitAsync(connection, request, token));
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
        var session = new PostgresWorkerSession(this, card, _logger);
        lock (_lock)
        {
            _sessions.Add(session);
        }

        bool isPublished = await Store.TransactAsync(PostgresStore.ClientPatience, async (connection, token) =>
        {
            await Wakeups.LockAsync(connection, card.Model, token);
            if (!await ModelRows.IsPublishedAsync(connection, card.Model, token))
            {
                return false;
            }

            await WorkerRows.InsertAsync(connection, session.Incarnation, card, _options.LiveUrl, token);
            await WorkerRows.BeatAsync(connection, session.Incarnation.Value, new WorkerBeat(0, 0, 0, []), token);
            await _dispatch.RunAsync(connection, card.Model, token);
            await Wakeups.SendAsync(connection, Wakeups.Members, "", token);
            return true;
        });
        if (!isPublished)
        {
            Forget(session);
            throw new InvalidOperationException($"Worker '{card.Name}' joins with model '{card.Model.Name}', which was not published before.");
        }

        _logger.WorkerJoined(card.Name, session.Incarnation, card.Model.Name);
        await RefreshDirectoryAsync();
        return session;
    }

    async ValueTask<IReadOnlyList<WorkerStatus>> IWorkerFabric.ListAsync(CancellationToken cancellationToken) =>
        [.. (await Store.RunAsync(PostgresStore.ClientPatience, WorkerRows.ListAsync)).Select(worker => worker.Status)];

    public async ValueTask<bool> TakeOverAsync(IncarnationId incarnation, CancellationToken cancellationToken)
    {
        if (await Store.TransactAsync(
            PostgresStore.ClientPatience, (connection, token) => _takeover.RunAsync(connection, incarnation, isDead: true, token)) is not { } taken)
        {
            return false;
        }

        _logger.WorkerTakenOver(taken.Card.Name, incarnation, taken.Unfinished);
        await RefreshDirectoryAsync();
        return true;
    }

    async ValueTask<Conversation?> IConversationStore.FindAsync(GenerationId anyAnswer, string caller, CancellationToken cancellationToken) =>
        await Store.RunAsync(PostgresStore.ClientPatience, (connection, token) => ConversationRows.FindAsync(
            connection, anyAnswer, caller, Clock.Now - _options.ConversationTtl.Ticks, token));

    public async ValueTask<IReadOnlyList<ConversationSummary>> ListAsync(
        string caller, int limit, DateTimeOffset? usedBefore, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, MaxListed);
        return await Store.RunAsync(PostgresStore.ClientPatience, (connection, token) => ConversationRows.ListAsync(
            connection, caller, limit, Clock.Now - _options.ConversationTtl.Ticks, (usedBefore ?? DateTimeOffset.MaxValue).UtcTicks, token));
    }

    public async ValueTask<bool> DeleteAsync(GenerationId conversation, string caller, CancellationToken cancellationToken)
    {
        while (await RemoveAsync(conversation, caller) is { } found)
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
        string hash = Convert.ToHexStringLower(SHA256.HashData(textAssets.Span));
        if (!hash.Equals(card.TextAssetsHash, StringComparison.Ordinal))
        {
            throw new ArgumentException(
                $"The text assets of model '{card.Model.Name}' have the hash {hash}; its card says {card.TextAssetsHash}.", nameof(textAssets));
        }

        await Store.TransactAsync(
            PostgresStore.ClientPatience, (connection, token) => ModelRows.PublishAsync(connection, card, textAssets, token));
    }

    public async ValueTask<ReadOnlyMemory<byte>> ReadTextAssetsAsync(string hash, CancellationToken cancellationToken) =>
        await Store.RunAsync(PostgresStore.ClientPatience, (connection, token) => ModelRows.TextAssetsAsync(connection, hash, token))
            ?? throw new KeyNotFoundException($"No text assets with the hash '{hash}' were published.");

    /// <summary>Leaves the cluster: workers' generations go to others, what only this process's clients read is parked.</summary>
    public async ValueTask DisposeAsync()
    {
        _readers.Close();
        foreach (PostgresWorkerSession session in Sessions())
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
        foreach (PostgresWorkerSession session in Sessions())
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

    /// <summary>Reads the commands of this process's workers, whether or not a wake-up came.</summary>
    internal async Task FetchAllAsync()
    {
        foreach (PostgresWorkerSession session in Sessions())
        {
            await session.FetchAsync();
        }
    }

    /// <summary>Gives what waits to workers that have room.</summary>
    internal async Task DispatchAsync(ModelReference model, bool onlyIfWaiting)
    {
        if (onlyIfWaiting && await Store.RunAsync(PostgresStore.WorkerPatience, (connection, token) => connection.ScalarAsync(
            "select true from glm.generations where model_name = $1 and model_hash = $2 and ended_at is null and state = 1 limit 1",
            token,
            model.Name,
            model.ContentHash)) is not true)
        {
            return;
        }

        await Store.TransactAsync(PostgresStore.WorkerPatience, async (connection, token) =>
        {
            await Wakeups.LockAsync(connection, model, token);
            await _dispatch.RunAsync(connection, model, token);
            return true;
        });
    }

    internal async Task LeaveAsync(PostgresWorkerSession session, TimeSpan patience)
    {
        Forget(session);
        if (!session.IsSealed && await Store.TransactAsync(
            patience, (connection, token) => _takeover.RunAsync(connection, session.Incarnation, isDead: false, token)) is { } left)
        {
            _logger.WorkerLeft(session.Card.Name, session.Incarnation, left.Unfinished);
            await RefreshDirectoryAsync();
        }
    }

    internal async Task RefreshDirectoryAsync()
    {
        (List<ModelCard> cards, List<WorkerRow> workers) = await Store.RunAsync(PostgresStore.ClientPatience, async (connection, token) =>
            (await ModelRows.OfferedAsync(connection, token), await WorkerRows.ListAsync(connection, token)));
        _offered = [.. cards.OrderBy(card => card.Model.Name, StringComparer.Ordinal).ThenBy(card => card.PublishedAt)];
        await _links.KeepAsync(workers.Select(worker => worker.Url).OfType<Uri>().ToHashSet());
    }

    internal Task AttachAgainAsync() => _readers.AttachAgainAsync();

    private Task<ConversationState?> RemoveAsync(GenerationId conversation, string caller) =>
        Store.TransactAsync(PostgresStore.ClientPatience, async (connection, token) =>
        {
            ConversationState? state = await ConversationRows.LockAsync(connection, conversation, caller, token);
            if (state is { Running: null })
            {
                await ConversationRows.RemoveAsync(connection, [state.Id], token);
            }

            return state;
        });

    private Task<bool> IsExpiredAsync(Npgsql.NpgsqlConnection connection, GenerationId id, CancellationToken cancellationToken) =>
        GenerationRows.IsExpiredAsync(
            connection, id, Clock.Now - _options.ResumeWindow.Ticks, Clock.Now - _options.ConversationTtl.Ticks, cancellationToken);

    /// <summary>A silo that was there is not any more: its workers are dead.</summary>
    private async Task TakeOverAbsentAsync(Uri url)
    {
        try
        {
            foreach (WorkerRow worker in await Store.RunAsync(PostgresStore.ClientPatience, WorkerRows.ListAsync))
            {
                if (worker.Url == url)
                {
                    await TakeOverAsync(worker.Status.Incarnation, CancellationToken.None);
                }
            }
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException)
        {
            _logger.LookFailed(failure.Message);
        }
    }

    private void OnNotification(string channel, string payload)
    {
        switch (channel)
        {
            case Wakeups.Work when Guid.TryParse(payload, out Guid incarnation):
                Fetch(Sessions().Where(session => session.Incarnation.Value == incarnation));
                break;
            case Wakeups.Moved when GenerationId.TryParse(payload, out GenerationId generation):
                _readers.Wake(generation);
                break;
            case Wakeups.Members:
                _ = ObserveAsync(RefreshDirectoryAsync());
                break;
        }
    }

    /// <summary>Wake-ups may have been lost.</summary>
    private void WakeAll()
    {
        Fetch(Sessions());
        _readers.Wake(null);
    }

    private void Fetch(IEnumerable<PostgresWorkerSession> sessions)
    {
        foreach (PostgresWorkerSession session in sessions)
        {
            _ = ObserveAsync(session.FetchAsync());
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Nobody waits for this work; the next look does it again.")]
    private async Task ObserveAsync(Task work)
    {
        try
        {
            await work;
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException)
        {
            _logger.LookFailed(failure.Message);
        }
        catch (Exception bug)
        {
            _logger.WakeupFailed(bug);
        }
    }

    private PostgresWorkerSession[] Sessions()
    {
        lock (_lock)
        {
            return [.. _sessions];
        }
    }

    private void Forget(PostgresWorkerSession session)
    {
        lock (_lock)
        {
            _sessions.Remove(session);
        }
    }
}
