namespace GlmCluster.Engine.Loop;

/// <summary>The engine after its last turn.</summary>
public readonly record struct EngineSnapshot
{
    /// <summary>Sequences in the batch.</summary>
    public int Running { get; init; }

    /// <summary>Sequences that wait for room, newly submitted ones included.</summary>
    public int Waiting { get; init; }

    /// <summary>KV blocks that no sequence holds; what is cached in them gives way when they are needed.</summary>
    public int FreeBlocks { get; init; }

    /// <summary>Tokens that steps computed so far.</summary>
    public long ComputedTokens { get; init; }

    /// <summary>Tokens that sequences found in the prefix cache so far, so that no step had to compute them.</summary>
    public long ReusedTokens { get; init; }

    /// <summary>Model runs so far.</summary>
    public long Steps { get; init; }

    /// <summary>Turns of the loop so far. A heart beats when this counts up or <see cref="Idle"/> is true.</summary>
    public long Turns { get; init; }

    /// <summary>Times a sequence gave its blocks back to an older one.</summary>
    public long Preemptions { get; init; }

    /// <summary>The loop has nothing to do and waits.</summary>
    public bool Idle { get; init; }
}
