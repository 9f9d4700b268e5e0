using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Postgres.Live;
using GlmCluster.Grains.Postgres.Moves;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.Postgres.Readers;

/// <summary>What this process's clients read. The store knows one reader per generation and process; they are counted here. Thread-safe.</summary>
internal sealed class ReaderTable(Guid process, PostgresStore store, ReaderMoves moves, LiveLinks links, ClusterClock clock, ILogger logger)
{
    private readonly Lock _lock = new(); // guards _followed and the users of what is in it
    private readonly Dictionary<GenerationId, FollowedGeneration> _followed = [];
    private bool _isClosed;

    /// <summary>Counts a reader in.</summary>
    /// <returns>What to read; null: there is no such generation.</returns>
    public async Task<FollowedGeneration?> AttachAsync(GenerationId id)
    {
        FollowedGeneration generation;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            if (!_followed.TryGetValue(id, out generation!))
            {
                generation = new FollowedGeneration(id, store, links, logger);
                _followed.Add(id, generation);
            }

            generation.Users++;
        }

        bool exists = false;
        await generation.Gate.WaitAsync(CancellationToken.None);
        try
        {
            if (generation.Readers == 0)
            {
                generation.Request = (await AttachProcessAsync(id))?.Request;
                exists = generation.Request is not null;
                if (exists)
                {
                    generation.Start();
                }
            }
            else
            {
                exists = true;
            }

            generation.Readers += exists ? 1 : 0;
            return exists ? generation : null;
        }
        finally
        {
            generation.Gate.Release();
            if (!exists)
            {
                Forget(generation);
            }
        }
    }

    /// <summary>Counts a reader out.</summary>
    public async Task DetachAsync(FollowedGeneration generation)
    {
        await generation.Gate.WaitAsync(CancellationToken.None);
        try
        {
            generation.Readers--;
            if (generation.Readers == 0)
            {
                await generation.StopAsync();
                if (generation.Log.Ended is null)
                {
                    await DetachProcessAsync(generation.Request!);
                }
            }
        }
        finally
        {
            generation.Gate.Release();
            Forget(generation);
        }
    }

    /// <summary>A wake-up came for a generation; null: for any.</summary>
    public void Wake(GenerationId? id)
    {
        FollowedGeneration[] woken;
        lock (_lock)
        {
            woken = id is null ? [.. _followed.Values] : _followed.TryGetValue(id.Value, out FollowedGeneration? one) ? [one] : [];
        }

        Array.ForEach(woken, generation => generation.Wake());
    }

    /// <summary>Others took this process for dead: it counts itself in again.</summary>
    public async Task AttachAgainAsync()
    {
        FollowedGeneration[] all;
        lock (_lock)
        {
            all = [.. _followed.Values];
        }

        foreach (FollowedGeneration generation in all)
        {
            await generation.Gate.WaitAsync(CancellationToken.None);
            try
            {
                if (generation.Readers > 0 && generation.Log.Ended is null)
                {
                    await AttachProcessAsync(generation.Id);
                    generation.Wake();
                }
            }
            finally
            {
                generation.Gate.Release();
            }
        }
    }

    /// <summary>Sends readers away.</summary>
    public void Close()
    {
        FollowedGeneration[] all;
        lock (_lock)
        {
            _isClosed = true;
            all = [.. _followed.Values];
        }

        Array.ForEach(all, generation => generation.Log.Close());
    }

    private async Task<GenerationRow?> AttachProcessAsync(GenerationId id)
    {
        long now = clock.Now;
        GenerationRow? row = await store.TransactAsync(
            PostgresStore.ClientPatience, (connection, token) => ReaderMoves.AttachAsync(connection, id, process, token));
        return row is { State: GenerationRowState.Parked }
            ? await store.TransactAsync(
                PostgresStore.ClientPatience, (connection, token) => moves.WakeAsync(connection, row.Request, process, now, token))
            : row;
    }

    private async Task DetachProcessAsync(GenerationRequest request)
    {
        try
        {
            await store.TransactAsync(
                PostgresStore.ClientPatience, (connection, token) => moves.DetachAsync(connection, request, process, token));
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException)
        {
            // It runs on unread until this process leaves the directory, or to its end.
            logger.DetachFailed(request.Id, failure.Message);
        }
    }

    private void Forget(FollowedGeneration generation)
    {
        lock (_lock)
        {
            if (--generation.Users == 0)
            {
                _followed.Remove(generation.Id);
                generation.Dispose();
            }
        }
    }
}
