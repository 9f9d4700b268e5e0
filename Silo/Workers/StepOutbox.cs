using System.Threading.Channels;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Silo.Workers;

/// <summary>
/// Hands step results from the engine's loop thread to the writer. What arrives while a write is in flight is taken together, and so is what
/// arrives within one <see cref="Pace"/>, unless a sequence starts or ends.
/// </summary>
/// <remarks>One producer, one consumer. Allocates nothing per step once its buffers have grown.</remarks>
internal sealed class StepOutbox : IDisposable
{
    /// <summary>
    /// Shortest time between two frames. Every frame wakes the reader of every stream in it, on processors that the model needs; twice as many
    /// as a screen has pictures are enough. Models that take longer for a step do not notice.
    /// </summary>
    internal static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(8);

    // A channel of one slot is an auto-reset event: more signals than one say nothing new.
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly TimeProvider _time;
    private readonly ITimer _due;
    private readonly Lock _lock = new(); // guards all below
    private Part _filling = new();
    private Part _taken = new();
    private long _takenAt;
    private bool _isDue; // the timer runs

    public StepOutbox(TimeProvider time)
    {
        _time = time;
        _takenAt = time.GetTimestamp();
        _due = time.CreateTimer(static outbox => ((StepOutbox)outbox!).Signal(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Adds a step's updates. Never blocks on the consumer's work.</summary>
    public void Add(ReadOnlySpan<SequenceUpdate> updates)
    {
        if (Keep(updates))
        {
            Signal();
        }
    }

    /// <summary>Ends the stream once what was added is taken; a null fault is a clean end.</summary>
    public void Complete(Exception? fault)
    {
        Signal();
        _signal.Writer.TryComplete(fault);
    }

    /// <summary>Waits for updates and takes them all, in order.</summary>
    /// <returns>Valid until the next call; null at the end.</returns>
    public async ValueTask<IReadOnlyList<SequenceUpdate>?> TakeAsync()
    {
        if (!await _signal.Reader.WaitToReadAsync(CancellationToken.None))
        {
            return null;
        }

        _signal.Reader.TryRead(out _);
        _taken.Clear();
        lock (_lock)
        {
            (_filling, _taken) = (_taken, _filling);
            _takenAt = _time.GetTimestamp();
            _isDue = false;
        }

        return _taken.Updates;
    }

    public void Dispose() => _due.Dispose();

    /// <returns>Whether they are to be taken now; else the timer sees to it.</returns>
    private bool Keep(ReadOnlySpan<SequenceUpdate> updates)
    {
        lock (_lock)
        {
            bool isUrgent = false;
            foreach (ref readonly SequenceUpdate update in updates)
            {
                _filling.Add(update);
                isUrgent |= update.Index == 1 || update.End != SequenceEnd.None;
            }

            TimeSpan early = Pace - _time.GetElapsedTime(_takenAt);
            if (isUrgent || early <= TimeSpan.Zero)
            {
                return true;
            }

            if (!_isDue)
            {
                _isDue = true;
                _due.Change(early, Timeout.InfiniteTimeSpan);
            }

            return false;
        }
    }

    private void Signal() => _signal.Writer.TryWrite(true);

    /// <summary>Updates, and a copy of what the engine lends only during its call.</summary>
    private sealed class Part
    {
        private TokenLogprob[] _logprobs = [];
        private int _used;

        public List<SequenceUpdate> Updates { get; } = [];

        public void Add(in SequenceUpdate update) =>
            Updates.Add(update.TopLogprobs.IsEmpty ? update : update with { TopLogprobs = Copy(update.TopLogprobs) });

        public void Clear()
        {
            Updates.Clear();
            _used = 0;
        }

        private ReadOnlyMemory<TokenLogprob> Copy(ReadOnlyMemory<TokenLogprob> lent)
        {
            if (_used + lent.Length > _logprobs.Length)
            {
                // Updates that are there already keep the smaller array.
                _logprobs = new TokenLogprob[Math.Max(2 * _logprobs.Length, 64 + lent.Length)];
                _used = 0;
            }

            Memory<TokenLogprob> copy = _logprobs.AsMemory(_used, lent.Length);
            lent.CopyTo(copy);
            _used += lent.Length;
            return copy;
        }
    }
}
