namespace GlmCluster.Grains.Logs;

/// <summary>Wakes the readers of one frame one after the other on one pool thread: a thread for each would take every processor from the model.</summary>
/// <remarks>Used under the dispatcher's lock, but for the waking itself. Allocates only when its buffers grow.</remarks>
internal sealed class ReaderWaker : IThreadPoolWorkItem
{
    private readonly Lock _lock = new(); // guards all below
    private List<AsyncSignal> _gathered = [];
    private List<AsyncSignal> _waking = [];
    private bool _isQueued;

    /// <summary>Takes note of a signal whose waiter is to be woken; <see cref="Wake"/> must follow.</summary>
    public void Add(AsyncSignal signal)
    {
        lock (_lock)
        {
            _gathered.Add(signal);
        }
    }

    /// <summary>Wakes all that were added, on a pool thread.</summary>
    public void Wake()
    {
        lock (_lock)
        {
            if (_isQueued || _gathered.Count == 0)
            {
                return;
            }

            _isQueued = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        while (TakeGathered())
        {
            foreach (AsyncSignal signal in _waking)
            {
                signal.Complete();
            }
        }
    }

    private bool TakeGathered()
    {
        lock (_lock)
        {
            _waking.Clear();
            (_gathered, _waking) = (_waking, _gathered);
            return _isQueued = _waking.Count > 0;
        }
    }
}
