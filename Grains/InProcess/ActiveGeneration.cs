using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Logs;

namespace GlmCluster.Grains.InProcess;

/// <summary>Where an unfinished generation stands.</summary>
internal enum ActiveState
{
    /// <summary>Its admission is being stored.</summary>
    Admitting,

    /// <summary>Waits for a worker.</summary>
    Pending,

    /// <summary>A worker has it.</summary>
    Assigned,

    /// <summary>A worker was told to give it back and has not done so yet.</summary>
    Parking,

    /// <summary>Waits for its reader.</summary>
    Parked,

    /// <summary>Its end is being stored.</summary>
    Ending,

    /// <summary>Its end is stored.</summary>
    Ended,
}

/// <summary>A generation that has not ended. All its mutable members are guarded by the <see cref="Dispatcher"/>'s lock.</summary>
internal sealed class ActiveGeneration(GenerationRequest request, TokenLog log)
{
    public GenerationRequest Request { get; set; } = request;

    public TokenLog Log { get; } = log;

    public GenerationId Id => Request.Id;

    public ActiveState State { get; set; }

    /// <summary>Set while assigned or parking.</summary>
    public WorkerSession? Worker { get; set; }

    public int Readers { get; set; }

    /// <summary>Timestamp at which a parked or, without a worker of its model, pending generation is given up.</summary>
    public long Deadline { get; set; }

    public bool IsCancelRequested { get; set; }

    /// <summary>Its worker died, and it has got no token since: it is given to a worker that has nothing else.</summary>
    public bool IsSuspect { get; set; }

    /// <summary>Its place among its caller's that wait.</summary>
    public long QueuedNumber { get; set; }

    /// <summary>Numerics class of its first worker; null: none yet, or not known.</summary>
    public string? NumericsClass { get; set; }

    /// <summary>Tokens in its log when its worker got it.</summary>
    public int TokensAtDispatch { get; set; }

    /// <summary>Workers in a row that died while it was all they had and it got no token.</summary>
    public int WorkersLostAlone { get; set; }

    /// <summary>Tokens of the frame under check that would be appended.</summary>
    public int StagedTokens { get; set; }

    /// <summary>The conversation it belongs to; null: none.</summary>
    public GenerationId? Conversation => Request.Turn is { } turn ? turn.Conversation ?? Id : null;

    /// <summary>Whether it goes on with nobody reading.</summary>
    public bool RunsUnread => Request.OnDisconnect == DisconnectPolicy.Detach;

    public GenerationSnapshot Snapshot() => new(
        Request,
        State switch
        {
            ActiveState.Admitting or ActiveState.Pending => GenerationState.Queued,
            ActiveState.Parking or ActiveState.Parked => GenerationState.Parked,
            _ => GenerationState.Running,
        },
        Log.Count,
        End: null);
}

/// <summary>An end that has been decided and must be stored.</summary>
/// <param name="Generation">Whose; its state is <see cref="ActiveState.Ending"/>.</param>
/// <param name="End">Reason and usage.</param>
/// <param name="KeptTokens">Ids of choice 0 that the conversation keeps.</param>
/// <param name="Before">The state to return to when it cannot be stored.</param>
internal sealed record PlannedEnd(ActiveGeneration Generation, GenerationEnd End, int KeptTokens, ActiveState Before);
