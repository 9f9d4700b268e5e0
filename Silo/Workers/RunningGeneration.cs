using System.Collections.Immutable;
using System.Globalization;
using GlmCluster.Engine.Sequences;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.Silo.Workers;

/// <summary>Why a generation is being taken out of the batch.</summary>
internal enum Leaving
{
    No,
    Park,
    Cancel,
}

/// <summary>One generation in the engine, from its command to its end or release.</summary>
/// <remarks>The writer owns all but <see cref="Leaving"/>, which commands set.</remarks>
internal sealed class RunningGeneration
{
    private readonly List<int> _unwritten = [];
    private long _loggedTokens;
    private SequenceUpdate _last;

    public RunningGeneration(RunGeneration command)
    {
        Request = command.Request;
        LoggedIds = [.. command.Logged.SelectMany(entry => entry.Ids)];
        _loggedTokens = LoggedIds.Length;
    }

    public GenerationRequest Request { get; }

    /// <summary>Ids that an earlier run logged, in order.</summary>
    public ImmutableArray<int> LoggedIds { get; }

    /// <summary>The engine's number for it.</summary>
    public long SequenceId { get; set; }

    /// <summary>Set by a command; a cancel replaces a park.</summary>
    public Leaving Leaving { get; set; }

    public SequenceEnd SequenceEnd => _last.End;

    /// <summary>Whether updates were noted since the last <see cref="TakeEntry"/>.</summary>
    public bool HasUpdates { get; private set; }

    public void Note(in SequenceUpdate update)
    {
        HasUpdates = true;
        _last = update;
        if (update.TokenId >= 0)
        {
            _unwritten.Add(update.TokenId);
        }
    }

    /// <summary>Takes what was noted as one log entry; null when no id was.</summary>
    public LogEntry? TakeEntry()
    {
        HasUpdates = false;
        if (_unwritten.Count == 0)
        {
            return null;
        }

        ChoiceEnd? end = _last.End is SequenceEnd.Stop or SequenceEnd.Length ? new ChoiceEnd(Reason, _last.KeptTokens) : null;
        var entry = new LogEntry(Request.Id, _loggedTokens + 1, Choice: 0, [.. _unwritten], End: end);
        _loggedTokens += _unwritten.Count;
        _unwritten.Clear();
        return entry;
    }

    /// <summary>The end to write, once the sequence ended and its last entry was taken.</summary>
    public EndOfGeneration ToEnd(IncarnationId incarnation, LogEntry? tail)
    {
        var usage = new TokenUsage(Request.PromptIds.Length, (int)_loggedTokens, _last.ReusedPromptTokens);
        GenerationFault? fault = _last.End switch
        {
            SequenceEnd.Failed => new GenerationFault(
                GenerationFaultCode.Internal, "The model computed values that are not numbers for this request; the request was ended."),
            SequenceEnd.Overdue => new GenerationFault(
                GenerationFaultCode.DeadlineExceeded,
                string.Create(CultureInfo.InvariantCulture, $"The request was not done after {Request.Timeout!.Value.TotalSeconds:0.###} s, its timeout, and has got ")
                + string.Create(CultureInfo.InvariantCulture, $"{_loggedTokens:N0} of at most {Request.MaxTokens:N0} tokens. Allow more time, or ask for fewer tokens.")),
            _ => null,
        };
        return new EndOfGeneration(
            incarnation, tail is null ? [] : [tail], Request.Id, new GenerationEnd(Reason, usage, fault), Math.Max(_last.KeptTokens, 0));
    }

    private EndReason Reason => _last.End switch
    {
        SequenceEnd.Stop => EndReason.Stop,
        SequenceEnd.Length => EndReason.Length,
        SequenceEnd.Removed => EndReason.Cancelled,
        SequenceEnd.Failed or SequenceEnd.Overdue => EndReason.Failed,
        _ => throw new InvalidOperationException("The sequence has not ended."),
    };
}
