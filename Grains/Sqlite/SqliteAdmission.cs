using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Conversations;
using Microsoft.Data.Sqlite;

namespace GlmCluster.Grains.Sqlite;

/// <summary>Outcome of an admission in the store: exactly one member is set.</summary>
/// <param name="Stored">The new generation; its turn names the conversation by the conversation's own id.</param>
/// <param name="Existing">The generation that the idempotency key found.</param>
/// <param name="Fault">Why nothing was stored.</param>
internal sealed record StoreAdmission(GenerationRequest? Stored = null, StoredGeneration? Existing = null, GenerationFault? Fault = null);

/// <summary>The admission transaction.</summary>
internal static class SqliteAdmission
{
    /// <summary>
    /// 1. A known idempotency key answers with the first admission, also when the cluster is full.
    /// 2. A cluster that cannot take the request refuses it.
    /// 3. The conversation must be the caller's, at the turn the gateway saw, and free; it is reserved.
    /// 4. The generation is stored.
    /// </summary>
    /// <param name="connection">Inside a transaction.</param>
    /// <param name="request">What to admit.</param>
    /// <param name="capacityFault">Why no worker can take it; null: one can.</param>
    /// <param name="now">UTC ticks.</param>
    public static StoreAdmission Admit(SqliteConnection connection, GenerationRequest request, GenerationFault? capacityFault, long now)
    {
        // 1.
        if (request.IdempotencyKey is string key && GenerationTable.FindByKey(connection, request.Caller, key) is { } holder)
        {
            return holder.Fingerprint == request.IdempotencyFingerprint
                ? new StoreAdmission(Existing: GenerationTable.Find(connection, holder.Id))
                : Refuse(GenerationFaultCode.IdempotencyMismatch, $"The idempotency key '{key}' was used with another request. Use a new key.");
        }

        // 2.
        if (capacityFault is not null)
        {
            return new StoreAdmission(Fault: capacityFault);
        }

        // 3.
        GenerationId? conversation = null;
        if (request.Turn is { } turn)
        {
            ConversationState? state = null;
            if (turn.Conversation is { } anyAnswer)
            {
                state = ConversationTable.FindState(connection, anyAnswer, request.Caller);
                if (ConversationCheck.FindFault(anyAnswer, state, turn) is { } fault)
                {
                    return new StoreAdmission(Fault: fault);
                }
            }

            conversation = state?.Id ?? request.Id;
            request = state is null ? request : request with { Turn = turn with { Conversation = state.Id } };
            Reserve(connection, request, state, now);
        }

        // 4.
        GenerationTable.Insert(connection, request, conversation);
        return new StoreAdmission(Stored: request);
    }

    private static void Reserve(SqliteConnection connection, GenerationRequest request, ConversationState? state, long now)
    {
        if (state is null)
        {
            ConversationTable.Start(connection, request, now);
        }
        else
        {
            ConversationTable.Reserve(connection, state.Id, request.Id, now);
        }
    }

    private static StoreAdmission Refuse(GenerationFaultCode code, string message) => new(Fault: new GenerationFault(code, message));
}
