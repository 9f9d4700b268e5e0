using System.Collections.Immutable;
using GlmCluster.Engine.Sequences;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Silo.Workers;

/// <summary>Turns step results into log frames, ends and releases, and writes them to the fabric: one frame at a time, coalesced while one is in flight.</summary>
/// <remarks>One caller, but for <see cref="Fail"/>. Ends are durable writes and are awaited beside the frames, so that a finished answer never holds up the others' tokens.</remarks>
internal sealed class LogWriter(IWorkerSession session, TimeProvider time, ILogger logger, CancellationToken stopping)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    private readonly List<RunningGeneration> _touched = [];
    private readonly HashSet<Task> _pendingEnds = [];
    private readonly Lock _lock = new(); // guards _pendingEnds
    private long _frameNumber;

    /// <summary>Writes what a number of steps gave.</summary>
    /// <returns>Generations that left the batch; null: the incarnation is sealed and its work belongs to others.</returns>
    public async ValueTask<IReadOnlyList<RunningGeneration>?> WriteAsync(IReadOnlyList<SequenceUpdate> updates)
    {
        Collect(updates);
        ImmutableArray<LogEntry>.Builder frame = ImmutableArray.CreateBuilder<LogEntry>();
        List<RunningGeneration> left = [];
        List<GenerationId> parked = [];
        List<EndOfGeneration> ends = [];
        foreach (RunningGeneration generation in _touched)
        {
            List<LogEntry> entries = generation.TakeEntries();
            if (!generation.HasEnded)
            {
                frame.AddRange(entries);
                continue;
            }

            left.Add(generation);

            // Asked once: a command may turn a park into a cancel at any time, and the fabric knows of that cancel.
            if (generation is { WasRemoved: true, Leaving: Leaving.Park })
            {
                parked.Add(generation.Request.Id);
                frame.AddRange(entries);
            }
            else
            {
                ends.Add(generation.ToEnd(session.Incarnation, entries));
            }
        }

        if (frame.Count > 0 && !await AppendAsync(frame.DrainToImmutable()))
        {
            return null;
        }

        ends.ForEach(end => Track(EndAsync(end)));
        foreach (GenerationId id in parked)
        {
            await session.ReleaseAsync(id, CancellationToken.None);
        }

        return left;
    }

    /// <summary>Ends a generation that the engine did not take. Thread-safe; does not wait for the store.</summary>
    public void Fail(RunningGeneration generation, GenerationFault fault)
    {
        var end = new GenerationEnd(EndReason.Failed, generation.Usage, fault);
        Track(EndAsync(new EndOfGeneration(session.Incarnation, [], generation.Request.Id, end, KeptTokens: 0)));
    }

    /// <summary>Waits until every end handed over so far is durable.</summary>
    public async Task FlushAsync()
    {
        Task[] pending;
        lock (_lock)
        {
            pending = [.. _pendingEnds];
        }

        await Task.WhenAll(pending);
    }

    private void Collect(IReadOnlyList<SequenceUpdate> updates)
    {
        _touched.Clear();
        for (int i = 0; i < updates.Count; i++)
        {
            SequenceUpdate update = updates[i];
            if (update.Tag is not RunningChoice choice)
            {
                continue; // prepared for a handover; nobody sees its token
            }

            if (!choice.Generation.HasUpdates)
            {
                choice.Generation.HasUpdates = true;
                _touched.Add(choice.Generation);
            }

            choice.Note(update);
        }
    }

    private async ValueTask<bool> AppendAsync(ImmutableArray<LogEntry> entries)
    {
        var frame = new LogFrame(session.Incarnation, ++_frameNumber, entries);
        LogWriteResult result = await session.AppendAsync(frame, CancellationToken.None);
        if (result == LogWriteResult.Refused)
        {
            throw new InvalidOperationException($"The fabric refused frame {frame.Number} of incarnation {frame.Incarnation}.");
        }

        return result != LogWriteResult.Sealed;
    }

    /// <summary>
    /// Writes an end, again and again while the store cannot take it. One that a stop leaves unwritten is no loss: the generation goes on from
    /// its log after the next start.
    /// </summary>
    private async Task EndAsync(EndOfGeneration end)
    {
        while (true)
        {
            try
            {
                LogWriteResult result = await session.EndAsync(end, CancellationToken.None);
                if (result is LogWriteResult.Refused or LogWriteResult.Sealed)
                {
                    logger.EndNotWritten(end.Generation.ToString(), result);
                }

                return;
            }
            catch (StoreException error)
            {
                logger.EndFailed(end.Generation.ToString(), error);
            }

            try
            {
                await Task.Delay(RetryDelay, time, stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private void Track(Task task)
    {
        lock (_lock)
        {
            _pendingEnds.RemoveWhere(t => t.IsCompletedSuccessfully);
            _pendingEnds.Add(task);
        }
    }
}
