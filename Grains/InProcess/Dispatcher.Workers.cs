using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Routing;

namespace GlmCluster.Grains.InProcess;

/// <content>The workers' side: membership, and the dispatch of pending generations.</content>
internal sealed partial class Dispatcher
{
    private const int MostWorkersLostAlone = 2;

    private const string WorkerLostMessage =
        "Two workers in a row failed while they ran only this request, before it got a token. It is not tried again; report it with the server's log.";

    public void Join(WorkerSession worker)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            _workers.Add(worker);
            directory.CountWorker(worker.Card.Model, 1);
            logger.WorkerJoined(worker.Card.Name, worker.Incarnation, worker.Card.Model.Name);
            Dispatch();
        }
    }

    public WorkerSession? FindWorker(IncarnationId incarnation)
    {
        lock (_lock)
        {
            return _workers.Find(worker => worker.Incarnation == incarnation);
        }
    }

    public IReadOnlyList<WorkerStatus> ListWorkers()
    {
        lock (_lock)
        {
            return [.. _workers.Select(worker => new WorkerStatus(worker.Incarnation, worker.Card, worker.LastBeat, worker.Assigned.Count))];
        }
    }

    public void Beat(WorkerSession worker, WorkerBeat beat)
    {
        lock (_lock)
        {
            worker.LastBeat = beat;
            worker.Hints.Observe(beat);
        }
    }

    /// <summary>From here on a worker is given nothing new, and its model is offered no more where it is the last.</summary>
    public void Drain(WorkerSession worker)
    {
        lock (_lock)
        {
            if (!worker.IsSealed && !worker.IsDraining)
            {
                worker.Drain();
                LeaveDirectory(worker.Card.Model);
            }
        }
    }

    /// <summary>Seals a worker and gives its generations to others of its model, or parks them.</summary>
    /// <param name="worker">Who leaves.</param>
    /// <param name="isDead">It did not leave by itself; its generations are suspects.</param>
    /// <returns>Ends of generations whose cancel it no longer carries out; null: it was sealed before.</returns>
    public IReadOnlyList<PlannedEnd>? Remove(WorkerSession worker, bool isDead)
    {
        lock (_lock)
        {
            if (worker.IsSealed)
            {
                return null;
            }

            worker.Seal();
            _workers.Remove(worker);

            // An end that is being stored was written before the seal and stands.
            ActiveGeneration[] unfinished = [.. worker.Assigned.Where(generation => generation.State != ActiveState.Ending)];
            if (isDead)
            {
                logger.WorkerTakenOver(worker.Card.Name, worker.Incarnation, unfinished.Length);
            }
            else
            {
                logger.WorkerLeft(worker.Card.Name, worker.Incarnation, unfinished.Length);
            }

            if (!worker.IsDraining)
            {
                LeaveDirectory(worker.Card.Model);
            }

            bool wasAlone = worker.Assigned.Count == 1;
            var ends = new List<PlannedEnd>();
            foreach (ActiveGeneration generation in unfinished)
            {
                Unassign(generation);
                if (isDead)
                {
                    Suspect(generation, wasAlone);
                }

                if (generation.IsCancelRequested)
                {
                    ends.Add(Plan(generation, EndReason.Cancelled));
                }
                else if (generation.WorkersLostAlone >= MostWorkersLostAlone)
                {
                    ends.Add(Plan(generation, EndReason.Failed, new GenerationFault(GenerationFaultCode.WorkerLost, WorkerLostMessage)));
                }
                else
                {
                    Settle(generation);
                }
            }

            return ends;
        }
    }

    /// <summary>A parked generation has left its worker: it waits for a reader, or runs again if one came back meanwhile.</summary>
    public PlannedEnd? Release(WorkerSession worker, GenerationId id)
    {
        lock (_lock)
        {
            if (FindRunning(worker, id) is not { State: ActiveState.Parking } generation)
            {
                return null; // it ended before it was parked
            }

            Unassign(generation);
            if (generation.IsCancelRequested)
            {
                return Plan(generation, EndReason.Cancelled);
            }

            if (generation.Readers > 0)
            {
                Enqueue(generation);
            }
            else
            {
                generation.State = ActiveState.Parked; // its deadline runs since its reader left
            }

            Dispatch();
            return null;
        }
    }

    /// <summary>A worker died with this generation: whether it is the cause shows when it runs alone.</summary>
    private static void Suspect(ActiveGeneration generation, bool wasAlone)
    {
        bool gotTokens = generation.Log.Count > generation.TokensAtDispatch;
        generation.WorkersLostAlone = wasAlone && !gotTokens ? generation.WorkersLostAlone + 1 : 0;
        generation.IsSuspect = true;
    }

    /// <summary>Gives pending generations to workers that have room.</summary>
    private void Dispatch()
    {
        foreach (IGrouping<ModelReference, ActiveGeneration> waiting in
            _pending.Where(generation => !generation.IsCancelRequested).GroupBy(generation => generation.Request.Model).ToArray())
        {
            List<WorkerSession> sessions = _workers.FindAll(worker => worker.Card.Model == waiting.Key);
            List<RoutedWorker> workers = [.. sessions.Where(session => !session.IsDraining).Select(ToRouted)];
            int first = waiting.Min(generation => generation.Request.Priority);
            if (!workers.Exists(worker => worker.HasRoom(first)))
            {
                continue;
            }

            Dictionary<string, int> running = sessions.SelectMany(session => session.Assigned)
                .GroupBy(generation => generation.Request.Caller)
                .ToDictionary(caller => caller.Key, caller => caller.Sum(generation => generation.Request.Choices));
            foreach ((PendingGeneration next, RoutedWorker worker) in planner.Plan(DispatchPlanner.Order([.. waiting.Select(ToPending)], running), workers))
            {
                Assign(_active[next.Id], sessions.Find(session => session.Incarnation.Value == worker.Id)!);
            }
        }
    }

    private void LeaveDirectory(ModelReference model)
    {
        directory.CountWorker(model, -1);
        if (!HasWorker(model))
        {
            // Their wait for a worker of this model begins now.
            _pending.FindAll(generation => generation.Request.Model == model).ForEach(SetPendingDeadline);
        }
    }

    private void Assign(ActiveGeneration generation, WorkerSession worker)
    {
        _pending.Remove(generation);
        generation.State = ActiveState.Assigned;
        generation.TokensAtDispatch = generation.Log.Count;
        generation.Worker = worker;
        generation.NumericsClass ??= worker.Card.NumericsClass;
        worker.Assigned.Add(generation);
        worker.Send(new RunGeneration(generation.Request, generation.Log.ToEntries(generation.Id), generation.IsSuspect));
        if (generation.Conversation is { } conversation)
        {
            _homes.Note(conversation, worker.Incarnation.Value, worker.Card.NumericsClass);
        }
    }

    private static RoutedWorker ToRouted(WorkerSession session)
    {
        var worker = new RoutedWorker(session.Incarnation.Value, session.Card, session.Hints);
        foreach (ActiveGeneration generation in session.Assigned)
        {
            worker.Add(generation.Request.Priority, generation.Request.Choices, generation.IsSuspect);
        }

        return worker;
    }

    private PendingGeneration ToPending(ActiveGeneration generation)
    {
        (Guid? home, string? numericsClass) = generation.Conversation is { } conversation ? _homes.Find(conversation) : (null, null);
        return new PendingGeneration
        {
            Id = generation.Id,
            Caller = generation.Request.Caller,
            Priority = generation.Request.Priority,
            Sequences = generation.Request.Choices,
            QueuedNumber = generation.QueuedNumber,
            IsSuspect = generation.IsSuspect,
            HasTokens = generation.Log.Count > 0,
            CallerRunning = options.CallerLimits.Running,
            NumericsClass = generation.NumericsClass ?? numericsClass,
            Home = home,
            Conversation = generation.Conversation?.ToString(),
            PromptIds = generation.Request.PromptIds,
        };
    }

    private static void Unassign(ActiveGeneration generation)
    {
        generation.Worker?.Assigned.Remove(generation);
        generation.Worker?.NoteDrained();
        generation.Worker = null;
    }

    private ActiveGeneration? FindRunning(WorkerSession worker, GenerationId id) =>
        _active.TryGetValue(id, out ActiveGeneration? generation)
        && generation.Worker == worker
        && generation.State is ActiveState.Assigned or ActiveState.Parking
            ? generation
            : null;
}
