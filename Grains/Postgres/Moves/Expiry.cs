using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>Ends a generation whose reader did not come back, or for whose model no worker came.</summary>
internal sealed class Expiry(ClusterClock clock, EndWriter ends)
{
    private static readonly TimeSpan UnavailableRetryAfter = TimeSpan.FromSeconds(10);

    /// <summary>One transaction, which may be repeated. False: it is not due, or was ended meanwhile.</summary>
    public async Task<bool> ExpireAsync(NpgsqlConnection connection, GenerationId id, ModelReference model, CancellationToken cancellationToken)
    {
        await Wakeups.LockAsync(connection, model, cancellationToken);
        GenerationRow? row = await GenerationRows.LockAsync(connection, id, cancellationToken);
        bool isDue = row?.Deadline <= clock.Now;
        if (row is { State: GenerationRowState.Parked } && (isDue || row.IsCancelRequested))
        {
            await ends.WriteAsync(connection, row, EndReason.Cancelled, fault: null, cancellationToken);
            return true;
        }

        if (row is not { State: GenerationRowState.Pending } || !isDue || await HasWorkerAsync(connection, model, cancellationToken))
        {
            return false;
        }

        var fault = new GenerationFault(
            GenerationFaultCode.Unavailable,
            $"No worker came to offer the model '{model.Name}'. Send the request again later.",
            UnavailableRetryAfter);
        await ends.WriteAsync(connection, row, EndReason.Failed, fault, cancellationToken);
        return true;
    }

    private static async Task<bool> HasWorkerAsync(NpgsqlConnection connection, ModelReference model, CancellationToken cancellationToken) =>
        await connection.ScalarAsync(
            "select true from glm.incarnations where model_name = $1 and model_hash = $2 and not is_sealed limit 1",
            cancellationToken,
            model.Name,
            model.ContentHash) is true;
}
