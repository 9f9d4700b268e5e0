using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Conversations;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Routing;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>The admission transaction.</summary>
internal sealed class AdmissionMove(PostgresFabricOptions options, ClusterClock clock, DispatchPass dispatch)
{
    private static readonly TimeSpan UnavailableRetryAfter = TimeSpan.FromSeconds(10);

    /// <summary>Admits requests for one model, each as <see cref="AdmitAsync"/> says, and gives what was admitted to workers.</summary>
    /// <remarks>May be repeated after its answer was lost.</remarks>
    public async Task<Admission[]> AdmitAllAsync(
        NpgsqlConnection connection, IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken)
    {
        ModelReference model = requests[0].Model;
        await Wakeups.LockAsync(connection, model, cancellationToken);
        Places places = await ReadPlacesAsync(connection, model, [.. requests.Select(request => request.Caller).Distinct()], cancellationToken);
        var admissions = new Admission[requests.Count];
        for (int i = 0; i < admissions.Length; i++)
        {
            admissions[i] = await AdmitAsync(connection, requests[i], places, cancellationToken);
        }

        if (admissions.OfType<Admitted>().Any(admitted => !admitted.Existing))
        {
            await dispatch.RunAsync(connection, model, cancellationToken);
        }

        return admissions;
    }

    /// <summary>
    /// 1. A known idempotency key answers with the first admission, also when the cluster is full.
    /// 2. A cluster that cannot take the request refuses it.
    /// 3. The conversation must be the caller's, at the turn the gateway saw, and free; it is reserved.
    /// 4. The generation is stored.
    /// </summary>
    private async Task<Admission> AdmitAsync(
        NpgsqlConnection connection, GenerationRequest request, Places places, CancellationToken cancellationToken)
    {
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
        int ofCaller = places.OfCaller.GetValueOrDefault(request.Caller);
        GenerationFault? full = places.Total == 0
            ? await ExplainAbsenceAsync(connection, request.Model, cancellationToken)
            : AdmissionCheck.FindFault(request.Model.Name, places.Total, places.Taken, ofCaller, options.CallerLimits);
        if (full is not null)
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
        await GenerationRows.InsertAsync(connection, request, conversation, deadline, options.CallerLimits.Running, cancellationToken);
        places.Taken++;
        places.OfCaller[request.Caller] = ofCaller + 1;
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

    private static async Task<Places> ReadPlacesAsync(
        NpgsqlConnection connection, ModelReference model, string[] callers, CancellationToken cancellationToken)
    {
        List<(string? Caller, long Requests)> taken = await connection.QueryAsync(
            """
            select case when caller = any($3) then caller end as of_caller, count(*) from glm.generations
            where model_name = $1 and model_hash = $2 and ended_at is null and state <> 4 group by of_caller
            """,
            row => (row.TextOrNull(0), row.GetInt64(1)),
            cancellationToken,
            model.Name,
            model.ContentHash,
            callers);
        long total = (long)(await connection.ScalarAsync(
            """
            select coalesce(sum(max_sequences + max_queued), 0)::bigint from glm.incarnations
            where model_name = $1 and model_hash = $2 and not is_sealed and not is_draining
            """,
            cancellationToken,
            model.Name,
            model.ContentHash))!;
        return new Places(
            total,
            taken.Where(of => of.Caller is not null).ToDictionary(of => of.Caller!, of => (int)of.Requests))
        {
            Taken = taken.Sum(of => of.Requests),
        };
    }

    private static async Task<GenerationFault> ExplainAbsenceAsync(
        NpgsqlConnection connection, ModelReference model, CancellationToken cancellationToken) =>
        await ModelRows.IsKnownAsync(connection, model.Name, cancellationToken)
            ? new GenerationFault(GenerationFaultCode.Unavailable, $"No worker offers the model '{model.Name}' now.", UnavailableRetryAfter)
            : new GenerationFault(GenerationFaultCode.UnknownModel, $"There is no model '{model.Name}'.");

    private static Refused Refuse(GenerationFaultCode code, string message) => new(new GenerationFault(code, message));

    /// <summary>Requests that the workers of a model take.</summary>
    /// <param name="Total">Waiting ones included.</param>
    /// <param name="OfCaller">Those that some callers have.</param>
    private sealed record Places(long Total, Dictionary<string, int> OfCaller)
    {
        /// <summary>Unfinished ones of all callers, but for parked ones.</summary>
        public long Taken { get; set; }
    }
}
