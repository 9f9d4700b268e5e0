using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Grains.Abstractions.Workers;

/// <summary>One start of a worker; random, never reused.</summary>
public readonly record struct IncarnationId(Guid Value)
{
    public static IncarnationId New() => new(Guid.NewGuid());

    public override string ToString() => Value.ToString("N");
}

/// <summary>The silo's side of the fabric.</summary>
public interface IWorkerFabric
{
    /// <summary>Registers a new incarnation. From here on commands arrive.</summary>
    /// <exception cref="InvalidOperationException">The card's model was not published.</exception>
    ValueTask<IWorkerSession> JoinAsync(WorkerCard card, CancellationToken cancellationToken);

    /// <summary>Workers that are known and not sealed.</summary>
    ValueTask<IReadOnlyList<WorkerStatus>> ListAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Takes a dead worker's work away: seals its incarnation, reads its log to the end, and queues (or, where nobody reads them, parks)
    /// its generations. Idempotent; false when it was sealed before.
    /// </summary>
    ValueTask<bool> TakeOverAsync(IncarnationId incarnation, CancellationToken cancellationToken);
}

/// <summary>One incarnation's membership. Disposing leaves the directory; unfinished generations go to others, or are parked.</summary>
public interface IWorkerSession : IAsyncDisposable
{
    IncarnationId Incarnation { get; }

    /// <summary>Work for this worker, in order, until it leaves or is sealed. One reader.</summary>
    IAsyncEnumerable<WorkerCommand> CommandsAsync(CancellationToken cancellationToken);

    /// <summary>Appends one frame; returns once readers may see it.</summary>
    ValueTask<LogWriteResult> AppendAsync(LogFrame frame, CancellationToken cancellationToken);

    /// <summary>Ends a generation durably in one statement.</summary>
    ValueTask<LogWriteResult> EndAsync(EndOfGeneration end, CancellationToken cancellationToken);

    /// <summary>Confirms that a parked or handed-over generation has left the batch and all its frames are written.</summary>
    ValueTask ReleaseAsync(GenerationId generation, CancellationToken cancellationToken);

    /// <summary>Confirms a <see cref="PrepareGeneration"/>: the generation is handed over, unless its log has grown much meanwhile.</summary>
    /// <returns>What is to be prepared in addition; null: nothing, the generation comes, or is not to come any more.</returns>
    ValueTask<PrepareGeneration?> PreparedAsync(GenerationId generation, CancellationToken cancellationToken);

    /// <summary>
    /// Takes no new work, and hands over what runs here: each generation once another worker of the same model and numerics class has room for it
    /// and has prepared it. What finds nobody, as in a fabric of one process, ends here. Returns once nothing is left here.
    /// </summary>
    /// <param name="cancellationToken">Ends the handing over; leaving then gives away what is left.</param>
    ValueTask DrainAsync(CancellationToken cancellationToken);

    /// <summary>Reports life and load. Called when the loop turned or is idle, never by a timer alone.</summary>
    ValueTask BeatAsync(WorkerBeat beat, CancellationToken cancellationToken);
}

/// <summary>What a worker offers.</summary>
/// <param name="Name">Stable between starts, for operators, for example <c>host/cpu:0</c>.</param>
/// <param name="Model">What it runs.</param>
/// <param name="MaxSequences">Sequences it runs at once.</param>
/// <param name="MaxQueued">Generations it accepts beyond those before admission is refused as overloaded.</param>
/// <param name="NumericsClass">Workers of one class produce the same bits; null: unknown.</param>
/// <param name="PrefixSeed">What the names of blocks in its prefix digest begin with; null: not known, so nobody looks for prompts in it.</param>
/// <param name="SharesByCaller">Whether only prompts of one caller share blocks.</param>
public sealed record WorkerCard(
    string Name, ModelReference Model, int MaxSequences, int MaxQueued, string? NumericsClass, string? PrefixSeed = null, bool SharesByCaller = false);

/// <summary>Heartbeat.</summary>
/// <param name="Counter">Raised when the loop turned or is idle.</param>
/// <param name="RunningSequences">In the batch or waiting in the engine.</param>
/// <param name="FreeBlocks">KV blocks not in use.</param>
/// <param name="PrefixDigest">What its prefix cache holds, at most 8 KiB; empty: no cache.</param>
public sealed record WorkerBeat(long Counter, int RunningSequences, int FreeBlocks, ImmutableArray<byte> PrefixDigest);

/// <summary>A worker as the directory sees it.</summary>
public sealed record WorkerStatus(IncarnationId Incarnation, WorkerCard Card, WorkerBeat? LastBeat, int AssignedGenerations);

/// <summary>Something a worker must do.</summary>
public abstract record WorkerCommand;

/// <summary>Run a generation, from its first token or on from what is logged.</summary>
/// <param name="Request">As admitted.</param>
/// <param name="Logged">Its log so far, in order; empty: a fresh start. Sampler counters and watchers are restored from it.</param>
/// <param name="Suspect">It was running when a worker died: run it alone.</param>
public sealed record RunGeneration(GenerationRequest Request, ImmutableArray<LogEntry> Logged, bool Suspect = false) : WorkerCommand;

/// <summary>Take a generation out of the batch within one step, write its frames, then <see cref="IWorkerSession.ReleaseAsync"/>.</summary>
public sealed record ParkGeneration(GenerationId Generation) : WorkerCommand;

/// <summary>End a generation as cancelled within one step.</summary>
public sealed record CancelGeneration(GenerationId Generation) : WorkerCommand;

/// <summary>
/// Compute the keys and values of a prompt and the log so far, keep them in the prefix cache, then <see cref="IWorkerSession.PreparedAsync"/>.
/// Another worker runs the generation on meanwhile; a <see cref="RunGeneration"/> comes when it has let go of it.
/// </summary>
public sealed record PrepareGeneration(GenerationRequest Request, ImmutableArray<LogEntry> Logged) : WorkerCommand;
