using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>What processes tell each other through NOTIFY: only that there is something to look at. A lost one costs time, nothing else.</summary>
internal static class Wakeups
{
    /// <summary>Payload: an incarnation that has commands.</summary>
    public const string Work = "glm_work";

    /// <summary>Payload: a generation that has another state or worker.</summary>
    public const string Moved = "glm_moved";

    /// <summary>No payload: a worker joined or left, or a model was published.</summary>
    public const string Members = "glm_members";

    public static Task<int> SendAsync(NpgsqlConnection connection, string channel, string payload, CancellationToken cancellationToken) =>
        connection.ExecuteAsync("select pg_notify($1, $2)", cancellationToken, channel, payload);

    public static Task<int> SendMovedAsync(NpgsqlConnection connection, GenerationId generation, CancellationToken cancellationToken) =>
        SendAsync(connection, Moved, generation.ToString(), cancellationToken);

    /// <summary>Until the end of the transaction nobody else admits, dispatches, parks or takes over generations of the model.</summary>
    public static Task<int> LockAsync(NpgsqlConnection connection, ModelReference model, CancellationToken cancellationToken) =>
        connection.ExecuteAsync("select pg_advisory_xact_lock(6777965, hashtext($1))", cancellationToken, $"{model.Name}/{model.ContentHash}");
}
