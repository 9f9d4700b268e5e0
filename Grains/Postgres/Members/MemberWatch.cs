using System.Diagnostics.CodeAnalysis;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.Postgres.Members;

/// <summary>Once a second: shows that this process lives, looks whether others do, and ends what has outlived its time.</summary>
internal sealed class MemberWatch(PostgresFabric fabric, PostgresFabricOptions options, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan KeepPeriod = TimeSpan.FromMinutes(1);

    private readonly LeaseWatch _leases = new(options.Lease, time);
    private readonly StoreSweep _sweep = new(options, fabric.Clock);
    private readonly SemaphoreSlim _one = new(1); // held during a look, so that looks do not pile up
    private readonly SemaphoreSlim _oneBeat = new(1); // held during a beat
    private int _asked; // 1: a look was asked for that has not begun
    private int _isToAttach; // 1: others took this process for dead; its readers are to be counted in again
    private ITimer? _timer;
    private ITimer? _beatTimer;
    private long _beats;
    private long _lastSwept;
    private bool _isSwept;

    public async Task StartAsync()
    {
        await RegisterAsync();
        _beatTimer = time.CreateTimer(_ => _ = BeatAsync(), null, Period, Period);
        _timer = time.CreateTimer(_ => _ = LookWhileAskedAsync(), null, Period, Period);
    }

    /// <summary>Takes a member's work away: a worker's generations go to others, a process's readers are counted out.</summary>
    public async Task EvictAsync(Guid member)
    {
        if (await fabric.TakeOverAsync(new IncarnationId(member), CancellationToken.None))
        {
            return;
        }

        List<GenerationRow> read = await fabric.Store.RunAsync(PostgresStore.ClientPatience, async (connection, token) =>
        {
            List<GenerationId> ids = await connection.QueryAsync(
                "select generation from glm.readers where gateway = $1", row => row.Id(0), token, member);
            return await GenerationRows.FindAllAsync(connection, ids, token);
        });
        foreach (GenerationRow row in read)
        {
            await fabric.Store.TransactAsync(
                PostgresStore.ClientPatience, (connection, token) => fabric.Readers.DetachAsync(connection, row.Request, member, token));
        }

        bool was = await fabric.Store.TransactAsync(PostgresStore.ClientPatience, async (connection, token) =>
        {
            await connection.ExecuteAsync("delete from glm.readers where gateway = $1", token, member);
            bool known = await connection.ScalarAsync("select true from glm.processes where id = $1", token, member) is true;
            await WorkerRows.ForgetMemberAsync(connection, member, token);
            return known;
        });
        if (was && member != fabric.Process)
        {
            logger.ProcessEvicted(member, read.Count);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_timer is not null)
        {
            await _timer.DisposeAsync();
            await _beatTimer!.DisposeAsync();
        }

        await _one.WaitAsync();
        await _oneBeat.WaitAsync();
    }

    private Task<bool> RegisterAsync() => fabric.Store.TransactAsync(PostgresStore.ClientPatience, async (connection, token) =>
    {
        await connection.ExecuteAsync(
            "insert into glm.processes (id, name, role) values ($1, $2, $3) on conflict do nothing",
            token,
            fabric.Process,
            options.ProcessName,
            options.LiveUrl is null ? "gateway" : "silo");
        await WorkerRows.BeatAsync(connection, fabric.Process, new WorkerBeat(++_beats, 0, 0, []), token);
        return true;
    });

    /// <summary>Looks, and once more for what came due during a look: it may have asked the clock before.</summary>
    private async Task LookWhileAskedAsync()
    {
        Volatile.Write(ref _asked, 1);
        while (Volatile.Read(ref _asked) == 1 && await _one.WaitAsync(0, CancellationToken.None))
        {
            try
            {
                Volatile.Write(ref _asked, 0);
                await LookAsync();
            }
            finally
            {
                _one.Release();
            }
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Nobody waits for a look; the next one does it again.")]
    private async Task LookAsync()
    {
        try
        {
            if (Interlocked.Exchange(ref _isToAttach, 0) == 1)
            {
                await AttachAgainAsync();
            }

            foreach (Guid dead in await FindDeadAsync())
            {
                await EvictAsync(dead);
            }

            await fabric.RefreshDirectoryAsync();
            await fabric.FetchAllAsync();
            await ExpireAsync();
            if (!_isSwept || time.GetElapsedTime(_lastSwept) >= KeepPeriod)
            {
                _isSwept = true;
                _lastSwept = time.GetTimestamp();
                await fabric.Store.TransactAsync(PostgresStore.ClientPatience, _sweep.RunAsync);
            }
        }
        catch (StoreException failure)
        {
            _leases.Restart();
            logger.LookFailed(failure.Message);
        }
        catch (ObjectDisposedException)
        {
            // The fabric was closed.
        }
        catch (Exception bug)
        {
            logger.WakeupFailed(bug);
        }
    }

    /// <summary>Neither a look that has much to do nor a queue for connections may hold a beat up: it goes with the frames, of which a gateway has none.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Nobody waits for a beat; the next one does it again.")]
    private async Task BeatAsync()
    {
        if (!await _oneBeat.WaitAsync(0, CancellationToken.None))
        {
            return;
        }

        try
        {
            bool isMember = await fabric.Store.RunFrameAsync(TimeSpan.Zero, async (connection, token) =>
            {
                await WorkerRows.BeatAsync(connection, fabric.Process, new WorkerBeat(++_beats, 0, 0, []), token);
                return await connection.ScalarAsync("select true from glm.processes where id = $1", token, fabric.Process) is true;
            });
            if (!isMember)
            {
                logger.ProcessReturned(fabric.Process);
                await RegisterAsync();
                Volatile.Write(ref _isToAttach, 1);
            }
        }
        catch (StoreException failure)
        {
            logger.LookFailed(failure.Message);
        }
        catch (ObjectDisposedException)
        {
            // The fabric was closed.
        }
        catch (Exception bug)
        {
            logger.WakeupFailed(bug);
        }
        finally
        {
            _oneBeat.Release();
        }
    }

    private async Task AttachAgainAsync()
    {
        try
        {
            await fabric.AttachAgainAsync();
        }
        catch
        {
            Volatile.Write(ref _isToAttach, 1);
            throw;
        }
    }

    private async Task<IReadOnlyList<Guid>> FindDeadAsync()
    {
        Dictionary<Guid, long> counters = await fabric.Store.RunAsync(TimeSpan.Zero, async (connection, token) =>
            (await connection.QueryAsync("select member, counter from glm.beats", row => (row.GetGuid(0), row.GetInt64(1)), token)).ToDictionary());
        counters.Remove(fabric.Process);
        return _leases.Observe(counters);
    }

    /// <summary>Ends what nobody came back for and what no worker came for; gives what waits to workers that have room.</summary>
    private async Task ExpireAsync()
    {
        List<(GenerationId Id, ModelReference Model)> due = await fabric.Store.RunAsync(TimeSpan.Zero, (connection, token) =>
            connection.QueryAsync(
                """
                select id, model_name, model_hash from glm.generations
                where ended_at is null and (state = 4 and (deadline <= $1 or is_cancel_requested) or state = 1 and deadline <= $1)
                """,
                row => (row.Id(0), new ModelReference(row.GetString(1), row.GetString(2))),
                token,
                fabric.Clock.Now));
        foreach ((GenerationId id, ModelReference model) in due)
        {
            await fabric.Store.TransactAsync(
                PostgresStore.ClientPatience, (connection, token) => fabric.Expiry.ExpireAsync(connection, id, model, token));
        }

        List<ModelReference> waiting = await fabric.Store.RunAsync(TimeSpan.Zero, (connection, token) => connection.QueryAsync(
            "select distinct model_name, model_hash from glm.generations where ended_at is null and state = 1",
            row => new ModelReference(row.GetString(0), row.GetString(1)),
            token));
        foreach (ModelReference model in waiting)
        {
            await fabric.DispatchAsync(model, onlyIfWaiting: false);
        }
    }
}
