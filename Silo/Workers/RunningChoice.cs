using System.Collections.Immutable;
using System.Runtime.InteropServices;
using GlmCluster.Engine.Sequences;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Silo.Workers;

/// <summary>One choice of a running generation: its sequence in the engine, and what of it is not in the log yet.</summary>
/// <remarks>The writer owns all but <see cref="SequenceId"/>.</remarks>
internal sealed class RunningChoice
{
    private readonly int? _topLogprobs;
    private readonly List<int> _ids = []; // unwritten; those before _taken are in an entry already
    private readonly List<float> _logprobs = [];
    private readonly List<Grains.Abstractions.Generations.TokenLogprob> _tops = [];
    private int _taken;
    private bool _endIsLogged;

    /// <param name="generation">Whose.</param>
    /// <param name="index">Of the choice.</param>
    /// <param name="logged">The generation's log so far.</param>
    public RunningChoice(RunningGeneration generation, int index, ImmutableArray<LogEntry> logged)
    {
        Generation = generation;
        Index = index;
        LogEntry[] own = [.. logged.Where(entry => entry.Choice == index)];
        LoggedIds = [.. own.SelectMany(entry => entry.Ids)];
        LoggedTokens = LoggedIds.Length;
        _endIsLogged = own is [.., { End: not null }];
        _topLogprobs = generation.Request.TopLogprobs;
    }

    public RunningGeneration Generation { get; }

    public int Index { get; }

    /// <summary>Ids that an earlier run logged, in order.</summary>
    public ImmutableArray<int> LoggedIds { get; }

    /// <summary>The engine's number for it.</summary>
    public long SequenceId { get; set; }

    /// <summary>Ids that are in the log or in an entry on its way there.</summary>
    public int LoggedTokens { get; private set; }

    /// <summary>What the engine said last.</summary>
    public SequenceUpdate Last { get; private set; }

    /// <summary>Ids that no entry has yet.</summary>
    public int Unwritten => _ids.Count - _taken;

    /// <summary>Whether a token of it may still come to the log; one that was taken out before its end may go on elsewhere.</summary>
    public bool IsOpen => Unwritten > 0 || (Last.End is SequenceEnd.None or SequenceEnd.Removed && !_endIsLogged);

    public EndReason Reason => Last.End switch
    {
        SequenceEnd.Stop => EndReason.Stop,
        SequenceEnd.Length => EndReason.Length,
        SequenceEnd.Removed => EndReason.Cancelled,
        SequenceEnd.Failed or SequenceEnd.Overdue => EndReason.Failed,
        _ => throw new InvalidOperationException("The sequence has not ended."),
    };

    public void Note(in SequenceUpdate update)
    {
        Last = update with { TopLogprobs = default };
        if (update.TokenId < 0)
        {
            return;
        }

        if (_taken == _ids.Count)
        {
            Drop();
        }

        _ids.Add(update.TokenId);
        if (_topLogprobs is not null)
        {
            _logprobs.Add(update.Logprob);
            foreach ((int id, float logprob) in update.TopLogprobs.Span)
            {
                _tops.Add(new(id, logprob));
            }
        }
    }

    /// <summary>Takes the first ids that are unwritten as one entry.</summary>
    public LogEntry Take(long firstSeq, int count)
    {
        int start = _taken;
        _taken += count;
        LoggedTokens += count;
        bool isEnd = _taken == _ids.Count && Last.End is SequenceEnd.Stop or SequenceEnd.Length;
        _endIsLogged |= isEnd;
        var entry = new LogEntry(
            Generation.Request.Id, firstSeq, Index, [.. CollectionsMarshal.AsSpan(_ids).Slice(start, count)], End: isEnd ? new ChoiceEnd(Reason, Last.KeptTokens) : null);
        return _topLogprobs is not { } tops ? entry : entry with
        {
            Logprobs = [.. CollectionsMarshal.AsSpan(_logprobs).Slice(start, count)],
            TopLogprobs = [.. CollectionsMarshal.AsSpan(_tops).Slice(start * tops, count * tops)],
        };
    }

    private void Drop()
    {
        _ids.Clear();
        _logprobs.Clear();
        _tops.Clear();
        _taken = 0;
    }
}
