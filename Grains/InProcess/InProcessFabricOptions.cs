using GlmCluster.Grains.Routing;

namespace GlmCluster.Grains.InProcess;

/// <summary>Settings of the in-process fabric.</summary>
public sealed record InProcessFabricOptions
{
    /// <summary>The store's file; null: in memory, gone at the end (for tests and embedded use).</summary>
    public string? StorePath { get; init; }

    /// <summary>
    /// How long a parked generation waits for its reader, and a reader for a worker; also how long an ended generation without a conversation
    /// stays readable. Default 60 s.
    /// </summary>
    public TimeSpan ResumeWindow { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a conversation is kept after its last use. Default 24 h.</summary>
    public TimeSpan ConversationTtl { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How workers are picked, one of <see cref="RoutingPolicies.Names"/>. Default <see cref="RoutingPolicies.Default"/>.</summary>
    public string Routing { get; init; } = RoutingPolicies.Default;

    /// <summary>What one caller may have of one model. Default: any number.</summary>
    public CallerLimits CallerLimits { get; init; } = new();
}
