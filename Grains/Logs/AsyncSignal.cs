using System.Threading.Tasks.Sources;

namespace GlmCluster.Grains.Logs;

/// <summary>Wakes one waiter; a signal while nobody waits is remembered. Allocates nothing per wait or signal.</summary>
internal sealed class AsyncSignal : IValueTaskSource, IThreadPoolWorkItem
{
    private const int Idle = 0;
    private const int Signalled = 1;
    private const int Waiting = 2;

    private ManualResetValueTaskSourceCore<bool> _source;
    private int _state;

    /// <summary>Completes at the next signal, or at once if there was one since the last wait. One waiter at a time.</summary>
    public ValueTask WaitAsync()
    {
        _source.Reset();
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) == Idle)
        {
            return new ValueTask(this, _source.Version);
        }

        Volatile.Write(ref _state, Idle);
        return ValueTask.CompletedTask;
    }

    /// <summary>Wakes the waiter on a pool thread, so that the signalling thread never runs its code. Any thread, any number of times.</summary>
    public void Set()
    {
        if (TakeWaiter())
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>As <see cref="Set()"/>, but leaves the waking to <paramref name="waker"/>.</summary>
    public void Set(ReaderWaker waker)
    {
        if (TakeWaiter())
        {
            waker.Add(this);
        }
    }

    /// <summary>Runs the waiter that a signal has taken.</summary>
    public void Complete() => _source.SetResult(true);

    void IThreadPoolWorkItem.Execute() => Complete();

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    /// <returns>Whether somebody waits and is now this caller's to wake.</returns>
    private bool TakeWaiter()
    {
        if (Interlocked.Exchange(ref _state, Signalled) != Waiting)
        {
            return false;
        }

        // This signal is now used up; a later one is remembered again.
        Interlocked.CompareExchange(ref _state, Idle, Signalled);
        return true;
    }
}
