using System.Threading.Channels;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Silo.Workers;

/// <summary>Hands step results from the engine's loop thread to the writer. What arrives while a write is in flight is taken together.</summary>
/// <remarks>One producer, one consumer. Allocates nothing per step once its buffers have grown.</remarks>
internal sealed class StepOutbox
{
    // A channel of one slot is an auto-reset event: more signals than one say nothing new.
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly Lock _lock = new(); // guards _filling
    private Part _filling = new();
    private Part _taken = new();

    /// <summary>Adds a step's updates. Never blocks on the consumer's work.</summary>
    public void Add(ReadOnlySpan<SequenceUpdate> updates)
    {
        lock (_lock)
        {
            foreach (ref readonly SequenceUpdate update in updates)
            {
                _filling.Add(update);
            }
        }

        _signal.Writer.TryWrite(true);
    }

    /// <summary>Ends the stream; a null fault is a clean end.</summary>
    public void Complete(Exception? fault) => _signal.Writer.TryComplete(fault);

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
        }

        return _taken.Updates;
    }

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
