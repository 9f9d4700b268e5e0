using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Postgres.Live;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.Postgres.Readers;

/// <summary>
/// A gateway's copy of one generation's log, kept up while somebody reads it: from the store, then from the live path of whichever silo has the
/// generation. Every hole, break and move is filled from the store. Thread-safe.
/// </summary>
internal sealed class FollowedGeneration(GenerationId id, PostgresStore store, LiveLinks links, ILogger logger) : IDisposable
{
    /// <summary>Between two looks at the store while the live path brings everything: only a lost wake-up waits so long.</summary>
    private static readonly TimeSpan SafetyPeriod = TimeSpan.FromSeconds(5);

    /// <summary>Between two looks at the store while there is no live path.</summary>
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(100);

    private readonly SemaphoreSlim _wake = new(0);
    private Task _following = Task.CompletedTask;
    private volatile bool _isStopping;

    public GenerationId Id => id;

    public TokenLog Log { get; } = new();

    /// <summary>Held while readers come and go, across awaits.</summary>
    public SemaphoreSlim Gate { get; } = new(1);

    /// <summary>Guarded by <see cref="Gate"/>.</summary>
    public int Readers { get; set; }

    /// <summary>As admitted; set while attached. Guarded by <see cref="Gate"/>.</summary>
    public GenerationRequest? Request { get; set; }

    /// <summary>Whoever uses this object; guarded by the table's lock.</summary>
    public int Users { get; set; }

    /// <summary>Starts to follow.</summary>
    public void Start()
    {
        _isStopping = false;
        _following = FollowAsync();
    }

    public async Task StopAsync()
    {
        _isStopping = true;
        Wake();
        await _following;
    }

    // The other one is left to the collector: a late wake-up must find it.
    public void Dispose() => Gate.Dispose();

    /// <summary>Something happened that the store knows of.</summary>
    public void Wake() => _wake.Release();

    /// <summary>Takes what the live path or the store says; what does not follow the log makes it be read.</summary>
    /// <param name="entry">May begin before the log's end.</param>
    /// <param name="waker">Wakes the readers, once everything that came together is in its logs.</param>
    public void Add(LogEntry entry, ReaderWaker waker)
    {
        if (entry.FirstSeq > Log.Count + 1)
        {
            Wake();
        }
        else if (!Log.Agrees(entry))
        {
            logger.DeliveredDiffers(id, entry.FirstSeq);
        }
        else
        {
            Log.Append(entry, waker);
        }
    }

    /// <summary>The end that the live path brought after the last entry.</summary>
    public void End(GenerationEnd end)
    {
        if (Log.Count >= end.Usage.CompletionTokens)
        {
            Log.End(end);
        }

        Wake();
    }

    private async Task FollowAsync()
    {
        LiveLink? link = null;
        while (!_isStopping && Log.Ended is null)
        {
            TimeSpan period = PollPeriod;
            try
            {
                (bool exists, Uri? url) = await ReadStoreAsync();
                if (!exists)
                {
                    Log.Close();
                    break;
                }

                LiveLink? next = url is null || Log.Ended is not null ? null : links.To(url);
                if (next != link)
                {
                    link?.Leave(this);
                    link = next;
                }

                link?.Follow(this);
                period = link is null || link.IsConnected ? SafetyPeriod : PollPeriod;
            }
            catch (StoreException)
            {
                // It was logged where the database went away; the next look comes soon.
            }
            catch (ObjectDisposedException)
            {
                break;
            }

            if (Log.Ended is null)
            {
                await _wake.WaitAsync(period, CancellationToken.None);
                while (_wake.Wait(0, CancellationToken.None))
                {
                    // Several wake-ups are one.
                }
            }
        }

        link?.Leave(this);
    }

    private async Task<(bool Exists, Uri? Url)> ReadStoreAsync() => await store.RunAsync(PostgresStore.ClientPatience, async (connection, token) =>
    {
        // The state first: a log that is read later has everything that was there when it ended.
        List<(short State, string? End, string? Url)> found = await connection.QueryAsync(
            """
            select g.state, g.generation_end, i.url from glm.generations g left join glm.incarnations i on i.id = g.worker where g.id = $1
            """,
            row => (row.GetInt16(0), row.TextOrNull(1), row.TextOrNull(2)),
            token,
            id.ToString());
        if (found is not [var state])
        {
            return (false, null);
        }

        var waker = new ReaderWaker();
        (await TokenLogRows.ReadAsync(connection, id, Log.Count, token)).ForEach(entry => Add(entry, waker));
        waker.Wake();
        if (state.State == (short)GenerationRowState.Ended)
        {
            Log.End(GenerationRows.ReadEnd(state.End!));
        }

        return (true, state.Url is null ? null : new Uri(state.Url));
    });
}
