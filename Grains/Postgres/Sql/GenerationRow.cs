using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Grains.Postgres.Sql;

/// <summary>Where a generation stands; the numbers are stored.</summary>
internal enum GenerationRowState : short
{
    /// <summary>Waits for a worker.</summary>
    Pending = 1,

    /// <summary>A worker has it.</summary>
    Assigned = 2,

    /// <summary>Its worker was told to give it back and has not done so yet.</summary>
    Parking = 3,

    /// <summary>Waits for its reader.</summary>
    Parked = 4,

    /// <summary>Its end is stored.</summary>
    Ended = 5,
}

/// <summary>What the tables say of one generation, but for its log.</summary>
internal sealed record GenerationRow
{
    /// <summary>As admitted; without prompt ids once ended.</summary>
    public required GenerationRequest Request { get; init; }

    public required GenerationRowState State { get; init; }

    /// <summary>The incarnation that has it; null: none.</summary>
    public required Guid? Worker { get; init; }

    /// <summary>The worker that prepares it in order to go on with it; null: none.</summary>
    public required Guid? Successor { get; init; }

    /// <summary>Frames of the worker up to this one are in the log's chunks, or not about this generation.</summary>
    public required long FromFrame { get; init; }

    /// <summary>Ids in the log's chunks.</summary>
    public required long LoggedTokens { get; init; }

    /// <summary>Ids in its log when its worker got it.</summary>
    public required long TokensAtDispatch { get; init; }

    /// <summary>Its worker died, and it has got no token since.</summary>
    public required bool IsSuspect { get; init; }

    /// <summary>Workers in a row that died while it was all they had and it got no token.</summary>
    public required int WorkersLostAlone { get; init; }

    public required bool IsCancelRequested { get; init; }

    /// <summary>UTC ticks at which a parked or, without a worker of its model, pending generation is given up.</summary>
    public required long Deadline { get; init; }

    /// <summary>Set once ended.</summary>
    public required GenerationEnd? End { get; init; }

    public GenerationId Id => Request.Id;

    /// <summary>Whether it goes on with nobody reading.</summary>
    public bool RunsUnread => Request.OnDisconnect == DisconnectPolicy.Detach;
}
