using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Logs;

namespace GlmCluster.Grains.Postgres.Workers;

/// <summary>A generation that this incarnation runs. Its mutable members are the session's writer's.</summary>
internal sealed class AssignedGeneration(GenerationRequest request, TokenLog log, bool isSuspect)
{
    public GenerationRequest Request => request;

    /// <summary>Everything that is written; the live path reads it.</summary>
    public TokenLog Log => log;

    /// <summary>Ids in the log's chunks.</summary>
    public int ChunkedTokens { get; set; } = log.Count;

    public bool IsSuspect { get; set; } = isSuspect;

    /// <summary>Ids of the frame under check that would be appended.</summary>
    public int StagedTokens { get; set; }
}
