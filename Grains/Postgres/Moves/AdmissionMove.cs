using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Conversations;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>The admission transaction.</summary>
internal sealed class AdmissionMove(PostgresFabricOptions options, ClusterClock clock, DispatchPass dispatch)
{
    private static readonly TimeSpan UnavailableRetryAfter = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan OverloadRetryAfter = TimeSpan.FromSeconds(2);

    /// <summary>
    /// 1. A known idempotency key answers with the first admission, also when the cluster is full.
    /// 2. A cluster that cannot take the request refuses it.
    /// 3. The conversation must be the caller's, at the turn the gateway saw, and free; it is reserved.
    /// 4. The generation is stored, and given to a worker.
    /// </summary>
    /// <remarks>May be repeated after its answer was lost.</remarks>
    public async Task<Admission> AdmitAsync(NpgsqlConnection connection, GenerationRequest request, CancellationToken cancellationToken)
    {
        await Wakeups.LockAsync(connection, request.Model, cancellationToken);
        if (await GenerationRows.FindAsync(connection, request.Id, cancellationToken) is { } stored)
        {
            return new Admitted(Snapshot(stored), Existing: false); // this very admission, whose answer was lost
        }

        // 1.
        if (request.IdempotencyKey is string key
            && await GenerationRows.FindByKeyAsync(connection, request.Caller, key, cancellationToken) is { } holder)
        {
            return holder.Fingerprint == request.IdempotencyFingerprint
                ? new Admitted(Snapshot((await GenerationRows.FindAsync(connection, holder.Id, cancellationToken))!), Existing: true)
                : Refuse(GenerationFaultCode.IdempotencyMismatch, $"The idempotency key '{key}' was used with another request. Use a new key.");
        }

        // 2.
        if (await FindCapacityFaultAsync(connection, request.Model, cancellationToken) is { } full)
        {
            return new Refused(full);
        }

        // 3.
        GenerationId? conversation = null;
        if (request.Turn is { } turn)
        {
            ConversationState? state = null;
            if (turn.Conversation is { } anyAnswer)
            {
                state = await ConversationRows.LockAsync(connection, anyAnswer, request.Caller, cancellationToken);
                if (ConversationCheck.FindFault(anyAnswer, state, turn) is { } fault)
                {
                    return new Refused(fault);
                }
            }

            conversation = state?.Id ?? request.Id;
            request = state is null ? request : request with { Turn = turn with { Conversation = state.Id } };
            await (state is null
                ? ConversationRows.StartAsync(connection, request, clock.Now, cancellationToken)
                : ConversationRows.ReserveAsync(connection, state.Id, request.Id, clock.Now, cancellationToken));
        }

        // 4.
        long deadline = clock.Now + (request.OnDisconnect == DisconnectPolicy.Detach ? options.ConversationTtl : options.ResumeWindow).Ticks;
        await GenerationRows.InsertAsync(connection, request, conversation, deadline, cancellationToken);
        await dispatch.RunAsync(connection, request.Model, cancellationToken);
        return new Admitted(new GenerationSnapshot(request, GenerationState.Queued, 0, End: null), Existing: false);
    }

    public static GenerationSnapshot Snapshot(GenerationRow row, long? loggedTokens = null) => new(
        row.Request,
        row.State switch
        {
            GenerationRowState.Pending => GenerationState.Queued,
            GenerationRowState.Parking when row.Successor is not null => GenerationState.Running, // it changes workers
            GenerationRowState.Parking or GenerationRowState.Parked => GenerationState.Parked,
            GenerationRowState.Ended => GenerationState.Ended,
            _ => GenerationState.Running,
        },
        loggedTokens ?? row.LoggedTokens,
        row.End);

    private static async Task<GenerationFault?> FindCapacityFaultAsync(
        NpgsqlConnection connection, ModelReference model, CancellationToken cancellationToken)
    {
        (long capacity, long load) = (await connection.QueryAsync(
            """
            select (select coalesce(sum(max_sequences + max_queued), 0)::bigint from glm.incarnations
                    where model_name = $1 and model_hash = $2 and not is_sealed and not is_draining),
                (select count(*) from glm.generations where model_name = $1 and model_hash = $2 and ended_at is null and state <> 4)
            """,
            row => (row.GetInt64(0), row.GetInt64(1)),
            cancellationToken,
            model.Name,
            model.ContentHash))[0];
        if (capacity == 0)
        {
            return await ModelRows.IsKnownAsync(connection, model.Name, cancellationToken)
                ? new GenerationFault(GenerationFaultCode.Unavailable, $"No worker offers the model '{model.Name}' now.", UnavailableRetryAfter)
                : new GenerationFault(GenerationFaultCode.UnknownModel, $"There is no model '{model.Name}'.");
        }

        return load < capacity
            ? null
            : new GenerationFault(
                GenerationFaultCode.Overloaded, $"The model '{model.Name}' has {load} requests, its limit. Try again later.", OverloadRetryAfter);
    }

    private static Refused Refuse(GenerationFaultCode code, string message) => new(new GenerationFault(code, message));
}
