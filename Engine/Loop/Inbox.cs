using GlmCluster.Engine.Scheduling;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Loop;

/// <summary>A sequence to take in, or else the id of one to take out.</summary>
internal readonly record struct InboxMessage(Sequence? Submitted, long RemovedId);

/// <summary>How other threads reach the loop thread.</summary>
/// <remarks>Posting is thread-safe; <see cref="Take"/> and <see cref="Wait"/> are the loop thread's.</remarks>
internal sealed class Inbox(TimeProvider clock) : IDisposable
{
    private readonly AutoResetEvent _posted = new(false);

    // Guards _messages, _lastId and _closedBecause.
    private readonly Lock _lock = new();
    private List<InboxMessage> _messages = [];
    private List<InboxMessage> _taken = [];
    private long _lastId;
    private string? _closedBecause;

    /// <summary>Sequences that the loop has not taken yet.</summary>
    public int SubmittedCount
    {
        get
        {
            lock (_lock)
            {
                return _messages.Count(m => m.Submitted is not null);
            }
        }
    }

    /// <returns>The new sequence's id; ids count up in the order of submission.</returns>
    /// <exception cref="InvalidOperationException">The engine stopped.</exception>
    public long Submit(SequenceRequest request, int contextTokens)
    {
        lock (_lock)
        {
            if (_closedBecause is not null)
            {
                throw new InvalidOperationException($"engine stopped: {_closedBecause}");
            }

            long deadline = request.Timeout is { } timeout
                ? clock.GetTimestamp() + (long)(timeout.TotalSeconds * clock.TimestampFrequency)
                : long.MaxValue;
            _messages.Add(new InboxMessage(new Sequence(++_lastId, request, contextTokens) { Deadline = deadline }, 0));
            _posted.Set();
            return _lastId;
        }
    }

    public void Remove(long sequenceId)
    {
        lock (_lock)
        {
            if (_closedBecause is null)
            {
                _messages.Add(new InboxMessage(null, sequenceId));
                _posted.Set();
            }
        }
    }

    /// <summary>Refuses whatever comes from now on, and wakes the loop; the first reason stays.</summary>
    public void Close(string because)
    {
        lock (_lock)
        {
            if (_closedBecause is null)
            {
                _closedBecause = because;
                _posted.Set();
            }
        }
    }

    /// <summary>Everything posted since the last call, in order; valid until the next call.</summary>
    public List<InboxMessage> Take()
    {
        lock (_lock)
        {
            (_messages, _taken) = (_taken, _messages);
            _messages.Clear();
        }

        return _taken;
    }

    /// <summary>Makes the loop turn once where it waits.</summary>
    public void Wake()
    {
        lock (_lock)
        {
            if (_closedBecause is null)
            {
                _posted.Set();
            }
        }
    }

    /// <summary>Blocks until something was posted, or the inbox closed, since the last call.</summary>
    public void Wait() => _posted.WaitOne();

    public void Dispose() => _posted.Dispose();
}
