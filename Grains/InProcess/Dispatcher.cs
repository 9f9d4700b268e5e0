using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Routing;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.InProcess;

/// <summary>Who runs what: every state of an unfinished generation changes here, under one lock and without waiting.</summary>
/// <remarks>Thread-safe. Ends that are decided here come out as <see cref="PlannedEnd"/>s, which the caller must have stored.</remarks>
internal sealed partial class Dispatcher(
    InProcessFabricOptions options, ModelDirectory directory, DispatchPlanner planner, LogFlusher flusher, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan UnavailableRetryAfter = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new(); // guards everything below, and what ActiveGeneration and WorkerSession say it guards
    private readonly Dictionary<GenerationId, ActiveGeneration> _active = [];
    private readonly List<WorkerSession> _workers = []; // unsealed, in the order they joined
    private readonly List<ActiveGeneration> _pending = [];
    private readonly ConversationHomes _homes = new();
    private long _lastQueued;
    private readonly ReaderWaker _waker = new();
    private bool _isClosed;

    /// <summary>Takes up what an earlier process left: parked, unless it runs unread.</summary>
    public void Recover(GenerationRequest request, ImmutableArray<LogEntry> logged)
    {
        lock (_lock)
        {
            var generation = new ActiveGeneration(request, new TokenLog());
            foreach (LogEntry entry in logged)
            {
                generation.Log.Append(entry, _waker); // nobody reads yet
            }

            generation.Log.MarkSaved(generation.Log.Count);
            _active.Add(request.Id, generation);
            Settle(generation);
        }
    }

    /// <summary>Ends what nobody came back for, what no worker came for, and what could not be ended before.</summary>
    public IReadOnlyList<PlannedEnd> Expire()
    {
        lock (_lock)
        {
            long now = time.GetTimestamp();
            var ends = new List<PlannedEnd>();
            foreach (ActiveGeneration generation in _active.Values)
            {
                bool isDue = now >= generation.Deadline;
                if (generation.State == ActiveState.Parked && (isDue || generation.IsCancelRequested)
                    || generation.State == ActiveState.Pending && generation.IsCancelRequested)
                {
                    ends.Add(Plan(generation, EndReason.Cancelled));
                }
                else if (generation.State == ActiveState.Pending && isDue && !HasWorker(generation.Request.Model))
                {
                    ends.Add(Plan(generation, EndReason.Failed, new GenerationFault(
                        GenerationFaultCode.Unavailable,
                        $"No worker came to offer the model '{generation.Request.Model.Name}'. Send the request again later.",
                        UnavailableRetryAfter)));
                }
            }

            return ends;
        }
    }

    /// <summary>The end is stored: readers see it, and its worker has room.</summary>
    public void Complete(PlannedEnd planned)
    {
        lock (_lock)
        {
            ActiveGeneration generation = planned.Generation;
            Unassign(generation);
            generation.State = ActiveState.Ended;
            _active.Remove(generation.Id);
            generation.Log.End(planned.End);
            Dispatch();
        }
    }

    /// <summary>The end could not be stored: the generation is where it was.</summary>
    public void Revert(PlannedEnd planned)
    {
        lock (_lock)
        {
            ActiveGeneration generation = planned.Generation;
            generation.State = planned.Before;
            if (planned.Before == ActiveState.Pending || generation.Worker is { IsSealed: true })
            {
                Unassign(generation);
                Settle(generation);
            }
        }
    }

    /// <summary>Seals all workers and sends readers away; what is unfinished stays unfinished in the store.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            _workers.ForEach(worker => worker.Seal());
            _workers.Clear();
            foreach (ActiveGeneration generation in _active.Values)
            {
                generation.Log.Close();
            }
        }
    }

    private PlannedEnd Plan(ActiveGeneration generation, EndReason reason, GenerationFault? fault = null)
    {
        var usage = new TokenUsage(generation.Request.PromptIds.Length, generation.Log.Count);
        return Plan(generation, new GenerationEnd(reason, usage, fault), keptTokens: 0);
    }

    private PlannedEnd Plan(ActiveGeneration generation, GenerationEnd end, int keptTokens)
    {
        var planned = new PlannedEnd(generation, end, keptTokens, generation.State);
        _pending.Remove(generation);
        generation.State = ActiveState.Ending;
        return planned;
    }

    /// <summary>Finds the state of a generation that no worker has: waiting for a worker where it may run, else parked.</summary>
    private void Settle(ActiveGeneration generation)
    {
        if (generation.Readers > 0 || generation.RunsUnread)
        {
            Enqueue(generation);
        }
        else
        {
            Park(generation);
        }
    }

    private void Park(ActiveGeneration generation)
    {
        generation.State = ActiveState.Parked;
        generation.Deadline = DeadlineIn(options.ResumeWindow);
    }

    private void Enqueue(ActiveGeneration generation)
    {
        generation.State = ActiveState.Pending;
        SetPendingDeadline(generation);
        if (generation.QueuedNumber == 0 || generation.IsSuspect || generation.Log.Count == 0)
        {
            generation.QueuedNumber = ++_lastQueued; // what has tokens goes on before its caller's others begin
        }

        _pending.Add(generation);
        Dispatch();
    }

    private void SetPendingDeadline(ActiveGeneration generation) =>
        generation.Deadline = DeadlineIn(generation.RunsUnread ? options.ConversationTtl : options.ResumeWindow);

    private long DeadlineIn(TimeSpan window) => time.GetTimestamp() + (long)(window.TotalSeconds * time.TimestampFrequency);

    private bool HasWorker(ModelReference model) => _workers.Exists(worker => worker.Card.Model == model && !worker.IsDraining);
}
