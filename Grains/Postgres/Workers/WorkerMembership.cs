using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Postgres.Moves;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.Postgres.Workers;

/// <summary>How workers come and go: those of this process join, are woken and leave; any worker of the cluster may be taken for dead. Thread-safe.</summary>
internal sealed class WorkerMembership(PostgresFabric fabric, Takeover takeover, DispatchPass dispatch, Uri? liveUrl, ILogger logger)
{
    private readonly Lock _lock = new(); // guards _sessions
    private readonly List<PostgresWorkerSession> _sessions = [];

    public async Task<IWorkerSession> JoinAsync(WorkerCard card)
    {
        var session = new PostgresWorkerSession(fabric, card, logger);
        lock (_lock)
        {
            _sessions.Add(session);
        }

        bool isPublished = await fabric.Store.TransactAsync(PostgresStore.ClientPatience, async (connection, token) =>
        {
            await Wakeups.LockAsync(connection, card.Model, token);
            if (!await ModelRows.IsPublishedAsync(connection, card.Model, token))
            {
                return false;
            }

            await WorkerRows.InsertAsync(connection, session.Incarnation, card, liveUrl, token);
            await WorkerRows.BeatAsync(connection, session.Incarnation.Value, new WorkerBeat(0, 0, 0, []), token);
            await dispatch.RunAsync(connection, card.Model, token);
            await Wakeups.SendAsync(connection, Wakeups.Members, "", token);
            return true;
        });
        if (!isPublished)
        {
            Forget(session);
            throw new InvalidOperationException($"Worker '{card.Name}' joins with model '{card.Model.Name}', which was not published before.");
        }

        logger.WorkerJoined(card.Name, session.Incarnation, card.Model.Name);
        await fabric.RefreshDirectoryAsync();
        return session;
    }

    public async Task LeaveAsync(PostgresWorkerSession session, TimeSpan patience)
    {
        Forget(session);
        if (!session.IsSealed && await fabric.Store.TransactAsync(
            patience, (connection, token) => takeover.RunAsync(connection, session.Incarnation, isDead: false, token)) is { } left)
        {
            logger.WorkerLeft(session.Card.Name, session.Incarnation, left.Unfinished);
            await fabric.RefreshDirectoryAsync();
        }
    }

    /// <returns>False: it was taken over before.</returns>
    public async Task<bool> TakeOverAsync(IncarnationId incarnation)
    {
        if (await fabric.Store.TransactAsync(
            PostgresStore.ClientPatience, (connection, token) => takeover.RunAsync(connection, incarnation, isDead: true, token)) is not { } taken)
        {
            return false;
        }

        logger.WorkerTakenOver(taken.Card.Name, incarnation, taken.Unfinished);
        await fabric.RefreshDirectoryAsync();
        return true;
    }

    /// <summary>A silo that was there is not any more: its workers are dead.</summary>
    public async Task TakeOverAbsentAsync(Uri url)
    {
        try
        {
            foreach (WorkerRow worker in await fabric.Store.RunAsync(PostgresStore.ClientPatience, WorkerRows.ListAsync))
            {
                if (worker.Url == url)
                {
                    await TakeOverAsync(worker.Status.Incarnation);
                }
            }
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException)
        {
            logger.LookFailed(failure.Message);
        }
    }

    /// <summary>Reads the commands of this process's workers, whether or not a wake-up came.</summary>
    public async Task FetchAllAsync()
    {
        foreach (PostgresWorkerSession session in Sessions())
        {
            await session.FetchAsync();
        }
    }

    /// <summary>Gives what waits to workers that have room.</summary>
    public async Task DispatchAsync(ModelReference model, bool onlyIfWaiting)
    {
        if (onlyIfWaiting && await fabric.Store.RunAsync(PostgresStore.WorkerPatience, (connection, token) => connection.ScalarAsync(
            "select true from glm.generations where model_name = $1 and model_hash = $2 and ended_at is null and state = 1 limit 1",
            token,
            model.Name,
            model.ContentHash)) is not true)
        {
            return;
        }

        await fabric.Store.TransactAsync(PostgresStore.WorkerPatience, async (connection, token) =>
        {
            await Wakeups.LockAsync(connection, model, token);
            await dispatch.RunAsync(connection, model, token);
            return true;
        });
    }

    /// <summary>The workers of this process.</summary>
    public PostgresWorkerSession[] Sessions()
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
