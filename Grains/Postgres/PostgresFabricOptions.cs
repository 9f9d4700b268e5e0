using GlmCluster.Grains.Routing;

namespace GlmCluster.Grains.Postgres;

/// <summary>Settings of the PostgreSQL fabric.</summary>
public sealed record PostgresFabricOptions
{
    /// <summary>Npgsql's connection string, its TLS options included. Direct, or through a pooler that pools sessions.</summary>
    public required string ConnectionString { get; init; }

    /// <summary>Name of this process for operators, for example <c>host:8000</c>.</summary>
    public required string ProcessName { get; init; }

    /// <summary>Where gateways reach this process's live path; null: it runs no workers.</summary>
    public Uri? LiveUrl { get; init; }

    /// <summary>Most connections to the database, at least 3. Default 5, for a gateway; a silo needs no more than 3.</summary>
    public int MaxConnections { get; init; } = 5;

    /// <summary>
    /// How long a parked generation waits for its reader, and a reader for a worker; also how long an ended generation without a conversation
    /// stays readable. Default 60 s.
    /// </summary>
    public TimeSpan ResumeWindow { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a conversation is kept after its last use. Default 24 h.</summary>
    public TimeSpan ConversationTtl { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long a member's beat may stand still before others take its work. Default 3 s.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How workers are picked, one of <see cref="RoutingPolicies.Names"/>. Default <see cref="RoutingPolicies.Default"/>.</summary>
    public string Routing { get; init; } = RoutingPolicies.Default;

    /// <summary>What one caller may have of one model. Default: any number.</summary>
    public CallerLimits CallerLimits { get; init; } = new();
}
