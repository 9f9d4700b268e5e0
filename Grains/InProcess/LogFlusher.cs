using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Sqlite;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.InProcess;

/// <summary>Writes logs behind: what was appended within one delay, or while a write was in flight, goes in one write. Thread-safe.</summary>
internal sealed class LogFlusher : IAsyncDisposable
{
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(20);

    /// <summary>After a write that failed: a full disk must not fill the log as well.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    private readonly SqliteStore _store;
    private readonly ILogger _logger;
    private readonly ITimer _timer;

    private readonly Lock _lock = new(); // guards all below
    private HashSet<ActiveGeneration> _dirty = [];
    private bool _isScheduled; // a flush is due or in flight
    private bool _isStopped;
    private Task _flush = Task.CompletedTask;

    public LogFlusher(SqliteStore store, TimeProvider time, ILogger logger)
    {
        _store = store;
        _logger = logger;
        _timer = time.CreateTimer(_ => StartFlush(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void MarkDirty(ActiveGeneration generation)
    {
        if (!_store.OutlivesProcess)
        {
            return; // the end of each generation carries its whole log, and nobody is left who could want it before
        }

        lock (_lock)
        {
            _dirty.Add(generation);
            Schedule(Delay);
        }
    }

    /// <summary>Writes what is left. Nothing may be marked any more.</summary>
    public async ValueTask DisposeAsync()
    {
        Task inFlight;
        lock (_lock)
        {
            _isStopped = true;
            inFlight = _flush;
        }

        await _timer.DisposeAsync();
        await inFlight;
        await FlushAsync();
    }

    private void StartFlush()
    {
        lock (_lock)
        {
            if (!_isStopped)
            {
                _flush = FlushAsync();
            }
        }
    }

    private async Task FlushAsync()
    {
        HashSet<ActiveGeneration> dirty;
        lock (_lock)
        {
            dirty = _dirty;
            _dirty = [];
        }

        if (dirty.Count == 0)
        {
            return;
        }

        try
        {
            var entries = new List<LogEntry>();
            var saved = new List<(TokenLog Log, int Count)>();
            foreach (ActiveGeneration generation in dirty)
            {
                (IEnumerable<LogEntry> unsaved, int count) = generation.Log.Unsaved(generation.Id);
                entries.AddRange(unsaved);
                saved.Add((generation.Log, count));
            }

            await _store.AppendLogAsync([.. entries]);
            saved.ForEach(log => log.Log.MarkSaved(log.Count));
            dirty.Clear();
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException)
        {
            // The end of each generation carries its whole log; until then a crash costs the tail, which is generated again.
            _logger.LogWriteFailed(failure, dirty.Count);
        }

        lock (_lock)
        {
            _isScheduled = false;
            _dirty.UnionWith(dirty);
            Schedule(dirty.Count > 0 ? RetryDelay : Delay);
        }
    }

    private void Schedule(TimeSpan delay)
    {
        if (!_isScheduled && !_isStopped && _dirty.Count > 0)
        {
            _isScheduled = true;
            _timer.Change(delay, Timeout.InfiniteTimeSpan);
        }
    }
}
