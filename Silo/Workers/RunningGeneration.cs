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
    private long _loggedTokens;

    public RunningGeneration(RunGeneration command)
    {
        Request = command.Request;
        Choices = [.. Enumerable.Range(0, command.Request.Choices).Select(index => new RunningChoice(this, index, command.Logged))];
        _loggedTokens = command.Logged.Sum(entry => entry.Ids.Length);
    }

    public GenerationRequest Request { get; }

    /// <summary>At least one.</summary>
    public ImmutableArray<RunningChoice> Choices { get; }

    /// <summary>Set by a command; a cancel replaces a park.</summary>
    public Leaving Leaving { get; set; }

    /// <summary>Whether every choice's sequence has left the engine.</summary>
    public bool HasEnded => Choices.All(choice => choice.Last.End != SequenceEnd.None);

    /// <summary>Whether it left before its end, because it was told to.</summary>
    public bool WasRemoved => Choices.Any(choice => choice.Last.End == SequenceEnd.Removed) && Reason == EndReason.Cancelled;

    /// <summary>Whether updates were noted since the last <see cref="TakeEntries"/>.</summary>
    public bool HasUpdates { get; set; }

    /// <summary>Tokens of what it cost so far. The prompt counts once, with what the first choice found of it in the cache.</summary>
    public TokenUsage Usage => new(Request.PromptIds.Length, (int)_loggedTokens, Choices[0].Last.ReusedPromptTokens);

    /// <summary>Takes what may be logged now. Choices take turns, see <see cref="LogFrame.Entries"/>: one that is ahead waits for the others.</summary>
    public List<LogEntry> TakeEntries()
    {
        HasUpdates = false;
        List<LogEntry> entries = [];
        while (NextInTurn() is { Unwritten: > 0 } choice)
        {
            // One that goes on alone need not wait after each id.
            bool isAlone = Choices.Length == 1 || Choices.Count(other => other.IsOpen) == 1;
            int count = isAlone ? choice.Unwritten : 1;
            entries.Add(choice.Take(_loggedTokens + 1, count));
            _loggedTokens += count;
        }

        return entries;
    }

    /// <summary>The end to write, once every sequence ended and the last entries were taken.</summary>
    public EndOfGeneration ToEnd(IncarnationId incarnation, IEnumerable<LogEntry> tail)
    {
        GenerationFault? fault = null;
        if (Choices.Any(choice => choice.Last.End == SequenceEnd.Failed))
        {
            fault = new GenerationFault(
                GenerationFaultCode.Internal, "The model computed values that are not numbers for this request; the request was ended.");
        }
        else if (Choices.Any(choice => choice.Last.End == SequenceEnd.Overdue))
        {
            fault = new GenerationFault(
                GenerationFaultCode.DeadlineExceeded,
                string.Create(CultureInfo.InvariantCulture, $"The request was not done after {Request.Timeout!.Value.TotalSeconds:0.###} s, its timeout, and has got ")
                + string.Create(CultureInfo.InvariantCulture, $"{_loggedTokens:N0} of at most {(long)Request.MaxTokens * Choices.Length:N0} tokens. ")
                + "Allow more time, or ask for fewer tokens.");
        }

        return new EndOfGeneration(
            incarnation, [.. tail], Request.Id, new GenerationEnd(Reason, Usage, fault), Math.Max(Choices[0].Last.KeptTokens, 0));
    }

    /// <summary>A failure of one choice is one of the generation; else the first choice speaks for all that came to their ends.</summary>
    private EndReason Reason =>
        Choices.Any(choice => choice.Reason == EndReason.Failed) ? EndReason.Failed
        : Choices.Any(choice => choice.Reason == EndReason.Cancelled) ? EndReason.Cancelled
        : Choices[0].Reason;

    private RunningChoice? NextInTurn()
    {
        RunningChoice? next = null;
        foreach (RunningChoice choice in Choices)
        {
            if (choice.IsOpen && (next is null || choice.LoggedTokens < next.LoggedTokens))
            {
                next = choice;
            }
        }

        return next;
    }
}
