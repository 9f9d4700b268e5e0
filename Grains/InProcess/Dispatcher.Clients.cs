using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Routing;

namespace GlmCluster.Grains.InProcess;

/// <content>The gateway's side: admission, readers, cancels.</content>
internal sealed partial class Dispatcher
{
    /// <summary>Holds a place for an admission while it is being stored, so that load is counted before dispatch.</summary>
    /// <returns>Null: held until <see cref="Confirm"/> or <see cref="GiveUp"/>; else why there is none.</returns>
    public GenerationFault? TryReserve(GenerationRequest request)
    {
        ModelReference model = request.Model;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            int capacity = _workers.Where(worker => worker.Card.Model == model && !worker.IsDraining).Sum(worker => worker.Capacity);
            if (capacity == 0)
            {
                return directory.IsKnown(model.Name)
                    ? new GenerationFault(GenerationFaultCode.Unavailable, $"No worker offers the model '{model.Name}' now.", UnavailableRetryAfter)
                    : new GenerationFault(GenerationFaultCode.UnknownModel, $"There is no model '{model.Name}'.");
            }

            ActiveGeneration[] there =
                [.. _active.Values.Where(generation => generation.State != ActiveState.Parked && generation.Request.Model == model)];
            int ofCaller = there.Count(generation => generation.Request.Caller == request.Caller);
            if (AdmissionCheck.FindFault(model.Name, capacity, there.Length, ofCaller, options.CallerLimits) is { } full)
            {
                return full;
            }

            _active.Add(request.Id, new ActiveGeneration(request, new TokenLog()));
            return null;
        }
    }

    /// <summary>The admission is stored: its generation may run.</summary>
    public GenerationSnapshot Confirm(GenerationRequest stored)
    {
        lock (_lock)
        {
            ActiveGeneration generation = _active[stored.Id];
            generation.Request = stored;
            Enqueue(generation);
            return generation.Snapshot();
        }
    }

    /// <summary>The admission was not stored.</summary>
    public void GiveUp(GenerationId id)
    {
        lock (_lock)
        {
            _active.Remove(id);
        }
    }

    public GenerationSnapshot? Find(GenerationId id)
    {
        lock (_lock)
        {
            return _active.GetValueOrDefault(id)?.Snapshot();
        }
    }

    /// <summary>Counts a reader in; a parked generation runs on. Null: it has ended, or never was.</summary>
    public ActiveGeneration? Attach(GenerationId id)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            if (!_active.TryGetValue(id, out ActiveGeneration? generation))
            {
                return null;
            }

            generation.Readers++;
            if (generation.State == ActiveState.Parked)
            {
                Enqueue(generation);
            }

            return generation;
        }
    }

    /// <summary>Counts a reader out. The last one's leaving before the end parks or cancels, as the request says.</summary>
    public PlannedEnd? Detach(ActiveGeneration generation)
    {
        lock (_lock)
        {
            generation.Readers--;
            if (generation.Readers > 0 || generation.RunsUnread || generation.IsCancelRequested || _isClosed)
            {
                return null;
            }

            if (generation.Request.OnDisconnect == DisconnectPolicy.Cancel)
            {
                return RequestCancel(generation);
            }

            switch (generation.State)
            {
                case ActiveState.Pending:
                    _pending.Remove(generation);
                    Park(generation);
                    break;
                case ActiveState.Assigned:
                    generation.State = ActiveState.Parking;
                    generation.Deadline = DeadlineIn(options.ResumeWindow);
                    generation.Worker!.Send(new ParkGeneration(generation.Id));
                    break;
            }

            return null;
        }
    }

    public PlannedEnd? Cancel(GenerationId id, string caller)
    {
        lock (_lock)
        {
            return _active.TryGetValue(id, out ActiveGeneration? generation) && generation.Request.Caller == caller
                ? RequestCancel(generation)
                : null;
        }
    }

    private PlannedEnd? RequestCancel(ActiveGeneration generation)
    {
        if (generation.IsCancelRequested)
        {
            return null;
        }

        generation.IsCancelRequested = true;
        switch (generation.State)
        {
            case ActiveState.Pending or ActiveState.Parked:
                return Plan(generation, EndReason.Cancelled);
            case ActiveState.Assigned:
                generation.Worker!.Send(new CancelGeneration(generation.Id));
                return null;
            default: // Admitting and parking ones end once they are stored, or released.
                return null;
        }
    }
}
