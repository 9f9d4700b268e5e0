using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Grains.Logs;

/// <summary>The log of an unfinished generation: one writer at a time, any number of readers, each at its own place.</summary>
/// <remarks>Thread-safe. Appending allocates only when a buffer grows; readers get slices of that buffer, whose content never changes.</remarks>
internal sealed class TokenLog
{
    private readonly Lock _lock = new(); // guards all fields
    private readonly List<Run> _runs = []; // neighbouring tokens of one choice
    private readonly List<AsyncSignal> _waiting = [];
    private int[] _ids = new int[16];
    private float[] _logprobs = [];
    private TokenLogprob[] _topLogprobs = [];
    private bool _hasLogprobs; // this and the next as the first entry has it, and all others
    private int _tops; // alternatives of each token
    private int _count;
    private int _saved;
    private GenerationEnd? _end;
    private bool _isClosed;

    /// <summary>Tokens in the log; the next one has position <c>Count + 1</c>.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }
    }

    /// <summary>Set once nothing follows.</summary>
    public GenerationEnd? Ended
    {
        get
        {
            lock (_lock)
            {
                return _end;
            }
        }
    }

    public bool IsClosed
    {
        get
        {
            lock (_lock)
            {
                return _isClosed;
            }
        }
    }

    /// <summary>Adds an entry that follows the log, or overlaps its end; the overlap must have been checked with <see cref="Agrees"/>.</summary>
    /// <param name="waker">Wakes the readers, once all of the frame is in its logs.</param>
    public void Append(LogEntry entry, ReaderWaker waker)
    {
        lock (_lock)
        {
            int known = (int)Math.Min(entry.Ids.Length, _count + 1 - entry.FirstSeq);
            ReadOnlySpan<int> added = entry.Ids.AsSpan()[known..];
            if (added.IsEmpty)
            {
                return;
            }

            if (_runs is not [.., { End: null } last] || last.Choice != entry.Choice)
            {
                last = new Run(entry.Choice, _count, 0, null);
                _runs.Add(last);
            }

            _runs[^1] = last with { Count = last.Count + added.Length, End = entry.End };
            CopyTo(ref _ids, added, 1);
            if (_count == 0)
            {
                _hasLogprobs = !entry.Logprobs.IsDefault;
                _tops = entry.TopLogprobs.IsDefault ? 0 : entry.TopLogprobs.Length / entry.Ids.Length;
            }

            if (_hasLogprobs)
            {
                CopyTo(ref _logprobs, entry.Logprobs.AsSpan()[known..], 1);
                CopyTo(ref _topLogprobs, entry.TopLogprobs.AsSpan()[(known * _tops)..], _tops);
            }

            _count += added.Length;
            foreach (AsyncSignal signal in _waiting)
            {
                signal.Set(waker);
            }
        }
    }

    /// <summary>Whether the part of an entry that is in the log already says the same.</summary>
    public bool Agrees(LogEntry entry)
    {
        lock (_lock)
        {
            long seq = entry.FirstSeq;
            foreach (int id in entry.Ids)
            {
                if (seq > _count)
                {
                    break;
                }

                if (_ids[seq - 1] != id || _runs[RunAt((int)seq - 1)].Choice != entry.Choice)
                {
                    return false;
                }

                seq++;
            }

            return true;
        }
    }

    /// <summary>Tells readers that nothing follows.</summary>
    public void End(GenerationEnd end)
    {
        lock (_lock)
        {
            _end = end;
            SignalAll();
        }
    }

    /// <summary>Tells readers that the fabric is closing.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            SignalAll();
        }
    }

    /// <summary>Reads from the first token to the end, waiting where nothing more is there. Events carry everything there is of a run.</summary>
    /// <exception cref="ObjectDisposedException">The fabric was closed before the end.</exception>
    public async IAsyncEnumerable<GenerationEvent> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var changed = new AsyncSignal();
        lock (_lock)
        {
            _waiting.Add(changed);
        }

        using CancellationTokenRegistration registration = cancellationToken.Register(changed.Set);
        try
        {
            int position = 0;
            GenerationEvent? next;
            do
            {
                cancellationToken.ThrowIfCancellationRequested();
                next = Read(ref position);
                if (next is not null)
                {
                    yield return next;
                }
                else
                {
                    await changed.WaitAsync();
                }
            }
            while (next is not GenerationEnded);
        }
        finally
        {
            lock (_lock)
            {
                _waiting.Remove(changed);
            }
        }
    }

    /// <summary>The log as entries, one per run.</summary>
    public ImmutableArray<LogEntry> ToEntries(GenerationId generation)
    {
        lock (_lock)
        {
            return EntriesFrom(0, generation);
        }
    }

    /// <summary>The entries behind a number of tokens.</summary>
    public ImmutableArray<LogEntry> EntriesAfter(int tokens, GenerationId generation)
    {
        lock (_lock)
        {
            return EntriesFrom(tokens, generation);
        }
    }

    /// <summary>What <see cref="MarkSaved"/> has not covered, and the count to mark once it is stored.</summary>
    public (ImmutableArray<LogEntry> Entries, int Count) Unsaved(GenerationId generation)
    {
        lock (_lock)
        {
            return (EntriesFrom(_saved, generation), _count);
        }
    }

    public void MarkSaved(int count)
    {
        lock (_lock)
        {
            _saved = count;
        }
    }

    /// <returns>Everything there is of the next run, the end, or null: nothing yet.</returns>
    private GenerationEvent? Read(ref int position)
    {
        lock (_lock)
        {
            if (position < _count)
            {
                Run run = _runs[RunAt(position)];
                int count = run.First + run.Count - position;
                var tokens = new TokensAppended(
                    position + 1, run.Choice, _ids.AsMemory(position, count), LogprobsAt(position, count), TopLogprobsAt(position, count), run.End);
                position += count;
                return tokens;
            }

            ObjectDisposedException.ThrowIf(_isClosed && _end is null, this);
            return _end is null ? null : new GenerationEnded(_end);
        }
    }

    private ImmutableArray<LogEntry> EntriesFrom(int position, GenerationId generation)
    {
        var entries = ImmutableArray.CreateBuilder<LogEntry>();
        while (position < _count)
        {
            Run run = _runs[RunAt(position)];
            int end = run.First + run.Count;
            int count = end - position;
            entries.Add(new LogEntry(generation, position + 1, run.Choice, [.. _ids.AsSpan(position, count)], End: run.End)
            {
                Logprobs = !_hasLogprobs ? default : [.. LogprobsAt(position, count).Span],
                TopLogprobs = !_hasLogprobs ? default : [.. TopLogprobsAt(position, count).Span],
            });
            position = end;
        }

        return entries.ToImmutable();
    }

    private ReadOnlyMemory<float> LogprobsAt(int position, int count) => !_hasLogprobs ? default : _logprobs.AsMemory(position, count);

    private ReadOnlyMemory<TokenLogprob> TopLogprobsAt(int position, int count) => _topLogprobs.AsMemory(position * _tops, count * _tops);

    /// <summary>Puts values behind those of the tokens so far.</summary>
    /// <param name="buffer">Grown where it is too small; readers keep the old one.</param>
    /// <param name="added">Values of the new tokens.</param>
    /// <param name="perToken">Values of each token.</param>
    private void CopyTo<T>(ref T[] buffer, ReadOnlySpan<T> added, int perToken)
    {
        int start = _count * perToken;
        if (start + added.Length > buffer.Length)
        {
            Array.Resize(ref buffer, Math.Max(2 * buffer.Length, start + added.Length));
        }

        added.CopyTo(buffer.AsSpan(start));
    }

    /// <summary>Index of the run that holds a token.</summary>
    private int RunAt(int position)
    {
        int low = 0;
        int high = _runs.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = _runs[middle].First <= position ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    private void SignalAll()
    {
        foreach (AsyncSignal signal in _waiting)
        {
            signal.Set();
        }
    }

    /// <param name="Choice">Index of the choice.</param>
    /// <param name="First">Index of its first token.</param>
    /// <param name="Count">Tokens, at least 1.</param>
    /// <param name="End">How the choice ended with the run's last token; null: it goes on.</param>
    private readonly record struct Run(int Choice, int First, int Count, ChoiceEnd? End);
}
