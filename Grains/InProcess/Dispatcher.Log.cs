using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Logs;

namespace GlmCluster.Grains.InProcess;

/// <content>The log: frames and ends, checked as a whole before anything of them is taken.</content>
internal sealed partial class Dispatcher
{
    /// <summary>Checks a frame as a whole, then appends all of it.</summary>
    public LogWriteResult Append(WorkerSession worker, LogFrame frame)
    {
        lock (_lock)
        {
            if (worker.IsSealed)
            {
                return LogWriteResult.Sealed;
            }

            if (frame.Number <= worker.LastFrame && frame.Incarnation == worker.Incarnation)
            {
                ReportDifferences(worker, frame.Entries);
                return LogWriteResult.Repeated;
            }

            string? fault = frame.Incarnation != worker.Incarnation ? $"it is of incarnation {frame.Incarnation}"
                : frame.Number != worker.LastFrame + 1 ? $"the last one was {worker.LastFrame}"
                : Check(worker, frame.Entries);
            if (fault is not null)
            {
                logger.FrameRefused(worker.Incarnation, frame.Number, fault);
                return LogWriteResult.Refused;
            }

            worker.LastFrame = frame.Number;
            Append(frame.Entries);
            return LogWriteResult.Written;
        }
    }

    /// <summary>Takes the end of a generation from its worker.</summary>
    /// <returns>
    /// The end to store, where the result is <see cref="LogWriteResult.Written"/>. <see cref="LogWriteResult.Repeated"/>: it does not run here; the
    /// store knows whether it ended before.
    /// </returns>
    public (LogWriteResult Result, PlannedEnd? Planned) PlanEnd(WorkerSession worker, EndOfGeneration end)
    {
        lock (_lock)
        {
            if (worker.IsSealed)
            {
                return (LogWriteResult.Sealed, null);
            }

            if (end.Incarnation != worker.Incarnation || FindRunning(worker, end.Generation) is not { } generation)
            {
                return (LogWriteResult.Repeated, null);
            }

            int tokens = generation.Log.Count + end.Entries.Sum(entry => entry.Ids.Length);
            string? fault = end.Entries.Any(entry => entry.Generation != end.Generation) ? "it has entries of another generation"
                : end.KeptTokens < 0 || end.KeptTokens > tokens ? $"it keeps {end.KeptTokens} of {tokens} tokens"
                : Check(worker, end.Entries);
            if (fault is not null)
            {
                logger.EndRefused(worker.Incarnation, end.Generation, fault);
                return (LogWriteResult.Refused, null);
            }

            Append(end.Entries);
            return (LogWriteResult.Written, Plan(generation, end.End, end.KeptTokens));
        }
    }

    /// <returns>Why the entries cannot follow their logs; null: they can.</returns>
    private string? Check(WorkerSession worker, ImmutableArray<LogEntry> entries)
    {
        string? fault = null;
        foreach (LogEntry entry in entries)
        {
            fault ??= CheckAndStage(worker, entry);
        }

        foreach (LogEntry entry in entries)
        {
            if (_active.TryGetValue(entry.Generation, out ActiveGeneration? generation))
            {
                generation.StagedTokens = 0;
            }
        }

        return fault;
    }

    private string? CheckAndStage(WorkerSession worker, LogEntry entry)
    {
        if (FindRunning(worker, entry.Generation) is not { } generation)
        {
            return $"generation {entry.Generation} is not this worker's";
        }

        long next = generation.Log.Count + generation.StagedTokens + 1L;
        if (EntryCheck.FindFault(entry, generation.Request, next) is { } fault)
        {
            return fault;
        }

        if (!generation.Log.Agrees(entry))
        {
            logger.RepeatDiffers(worker.Incarnation, entry.Generation, entry.FirstSeq);
            return $"its tokens of generation {entry.Generation} differ from the log";
        }

        generation.StagedTokens += (int)Math.Max(0, entry.FirstSeq + entry.Ids.Length - next);
        return null;
    }

    private void Append(ImmutableArray<LogEntry> entries)
    {
        bool cleared = false;
        foreach (LogEntry entry in entries)
        {
            ActiveGeneration generation = _active[entry.Generation];
            generation.Log.Append(entry, _waker);
            flusher.MarkDirty(generation);
            if (generation.IsSuspect && generation.Log.Count > generation.TokensAtDispatch)
            {
                generation.IsSuspect = false;
                cleared = true;
            }
        }

        _waker.Wake();
        if (cleared)
        {
            Dispatch(); // its worker may have company again
        }
    }

    private void ReportDifferences(WorkerSession worker, ImmutableArray<LogEntry> entries)
    {
        foreach (LogEntry entry in entries)
        {
            if (_active.TryGetValue(entry.Generation, out ActiveGeneration? generation) && !generation.Log.Agrees(entry))
            {
                logger.RepeatDiffers(worker.Incarnation, entry.Generation, entry.FirstSeq);
            }
        }
    }
}
