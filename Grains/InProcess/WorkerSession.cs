using System.Runtime.CompilerServices;
using System.Threading.Channels;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Routing;

namespace GlmCluster.Grains.InProcess;

/// <summary>One incarnation of a worker in this process.</summary>
internal sealed class WorkerSession(WorkerCard card, Dispatcher dispatcher, EndCommitter ends) : IWorkerSession
{
    // Not bounded by count: a worker is never assigned more than its card says, and is told at most twice about each assignment.
    private readonly Channel<WorkerCommand> _commands = Channel.CreateUnbounded<WorkerCommand>(new() { SingleReader = true });

    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IncarnationId Incarnation { get; } = IncarnationId.New();

    public WorkerCard Card { get; } = card;

    // Guarded by the dispatcher's lock, down to LastBeat.
    public HashSet<ActiveGeneration> Assigned { get; } = [];

    public long LastFrame { get; set; }

    public WorkerBeat? LastBeat { get; set; }

    public WorkerHints Hints { get; } = new();

    public bool IsSealed { get; private set; }

    /// <summary>It is given nothing new.</summary>
    public bool IsDraining { get; private set; }

    public int Capacity => Card.MaxSequences + Card.MaxQueued;

    public async IAsyncEnumerable<WorkerCommand> CommandsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // What a sealed worker has not picked up belongs to others. Read without the lock: one command too many is fenced by the seal anyway.
        await foreach (WorkerCommand command in _commands.Reader.ReadAllAsync(cancellationToken))
        {
            if (IsSealed)
            {
                yield break;
            }

            yield return command;
        }
    }

    public ValueTask<LogWriteResult> AppendAsync(LogFrame frame, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frame);
        return ValueTask.FromResult(dispatcher.Append(this, frame));
    }

    public async ValueTask<LogWriteResult> EndAsync(EndOfGeneration end, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(end);
        (LogWriteResult result, PlannedEnd? planned) = dispatcher.PlanEnd(this, end);
        if (planned is not null)
        {
            await ends.CommitAsync(planned);
            return LogWriteResult.Written;
        }

        return result == LogWriteResult.Repeated ? await ends.FindRepeatedAsync(this, end) : result;
    }

    public async ValueTask ReleaseAsync(GenerationId generation, CancellationToken cancellationToken)
    {
        if (dispatcher.Release(this, generation) is { } planned)
        {
            await ends.CommitAsync(planned);
        }
    }

    /// <summary>Nothing is prepared here: the other workers end with this process too.</summary>
    public ValueTask<PrepareGeneration?> PreparedAsync(GenerationId generation, CancellationToken cancellationToken) => default;

    public async ValueTask DrainAsync(CancellationToken cancellationToken)
    {
        dispatcher.Drain(this);
        await _drained.Task.WaitAsync(cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    public ValueTask BeatAsync(WorkerBeat beat, CancellationToken cancellationToken)
    {
        dispatcher.Beat(this, beat);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (dispatcher.Remove(this, isDead: false) is { } planned)
        {
            await ends.CommitAllAsync(planned);
        }
    }

    /// <summary>Called under the dispatcher's lock.</summary>
    public void Send(WorkerCommand command) => _commands.Writer.TryWrite(command);

    /// <summary>Called under the dispatcher's lock.</summary>
    public void Drain()
    {
        IsDraining = true;
        NoteDrained();
    }

    /// <summary>Called under the dispatcher's lock when something has left it.</summary>
    public void NoteDrained()
    {
        if (IsDraining && Assigned.Count == 0)
        {
            _drained.TrySetResult();
        }
    }

    /// <summary>Called under the dispatcher's lock. From here on nothing of this incarnation is accepted.</summary>
    public void Seal()
    {
        IsSealed = true;
        _commands.Writer.TryComplete();
        _drained.TrySetResult();
    }
}
