using System.Collections.Concurrent;
using GlmCluster.Grains.Stores;
using Microsoft.Data.Sqlite;

namespace GlmCluster.Grains.Sqlite;

/// <summary>The one thread that touches the database. Work that waits together is committed together.</summary>
/// <remarks>
/// Durable work returns once its commit has reached the disk (<c>synchronous = full</c>). Other work returns once it has survived this process
/// (<c>synchronous = normal</c>): a crash of the machine may lose it, but never anything before a durable commit.
/// </remarks>
internal sealed class SqliteThread : IAsyncDisposable
{
    private const int MaxWorkPerCommit = 64;

    private readonly BlockingCollection<Work> _queue = []; // as long as its callers, who all wait
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string? _path;
    private bool _isFull = true; // what "synchronous" is now; SQLite starts with full

    private SqliteThread(string? path) => _path = path;

    /// <exception cref="StoreException">See <see cref="SqliteFile.Open"/>.</exception>
    public static async Task<SqliteThread> StartAsync(string? path)
    {
        var thread = new SqliteThread(path);
        new Thread(thread.Loop) { IsBackground = true, Name = "glm store" }.Start();
        await thread._opened.Task;
        return thread;
    }

    /// <summary>Runs <paramref name="work"/> inside a transaction. It may run twice, so it must touch nothing but the connection.</summary>
    /// <exception cref="StoreException">The database refused; nothing of this work is stored.</exception>
    /// <exception cref="ObjectDisposedException">The store is closed.</exception>
    public Task<T> RunAsync<T>(bool durable, Func<SqliteConnection, T> work)
    {
        var item = new Work<T>(durable, work);
        try
        {
            _queue.Add(item);
        }
        catch (InvalidOperationException)
        {
            throw new ObjectDisposedException(nameof(SqliteThread), "The store is closed.");
        }

        return item.Result;
    }

    /// <summary>Finishes the queued work and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.CompleteAdding();
        await _closed.Task;
    }

    private void Loop()
    {
        try
        {
            using SqliteConnection connection = SqliteFile.Open(_path);
            _opened.SetResult();
            Serve(connection);
        }
        catch (Exception failure) when (!_opened.Task.IsCompleted)
        {
            _opened.SetException(failure);
        }
        finally
        {
            _closed.SetResult();
        }
    }

    private void Serve(SqliteConnection connection)
    {
        var batch = new List<Work>();
        foreach (Work first in _queue.GetConsumingEnumerable())
        {
            batch.Add(first);
            while (batch.Count < MaxWorkPerCommit && _queue.TryTake(out Work? next))
            {
                batch.Add(next);
            }

            Commit(connection, batch);
            batch.Clear();
        }
    }

    private void Commit(SqliteConnection connection, List<Work> batch)
    {
        try
        {
            SetSynchronous(connection, full: batch.Exists(work => work.IsDurable));
            using SqliteTransaction transaction = connection.BeginTransaction();
            foreach (Work work in batch)
            {
                work.Execute(connection);
            }

            transaction.Commit();
        }
        catch (Exception) when (batch.Count > 1)
        {
            // One of them failed: each alone, so that the others do not suffer.
            batch.ForEach(work => Commit(connection, [work]));
            return;
        }
        catch (Exception failure)
        {
            batch[0].Fail(failure is SqliteException sqlite ? SqliteFile.Explain(sqlite, _path ?? "(memory)") : failure);
            return;
        }

        batch.ForEach(work => work.Complete());
    }

    private void SetSynchronous(SqliteConnection connection, bool full)
    {
        if (_isFull != full)
        {
            connection.Execute(full ? "pragma synchronous = full" : "pragma synchronous = normal");
            _isFull = full;
        }
    }

    private abstract class Work(bool isDurable)
    {
        public bool IsDurable { get; } = isDurable;

        public abstract void Execute(SqliteConnection connection);

        public abstract void Complete();

        public abstract void Fail(Exception failure);
    }

    private sealed class Work<T>(bool isDurable, Func<SqliteConnection, T> run) : Work(isDurable)
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _value;

        public Task<T> Result => _done.Task;

        public override void Execute(SqliteConnection connection) => _value = run(connection);

        public override void Complete() => _done.SetResult(_value!);

        public override void Fail(Exception failure) => _done.SetException(failure);
    }
}
