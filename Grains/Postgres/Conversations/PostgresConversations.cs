using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Conversations;
using GlmCluster.Grains.Postgres.Sql;

namespace GlmCluster.Grains.Postgres.Conversations;

/// <summary>Conversations in the database. Thread-safe.</summary>
/// <param name="store">Where they are.</param>
/// <param name="generations">Ends a turn that runs while its conversation is deleted.</param>
/// <param name="clock">The cluster's.</param>
/// <param name="ttl">Since its last use; an older one is gone.</param>
internal sealed class PostgresConversations(PostgresStore store, IGenerationClient generations, ClusterClock clock, TimeSpan ttl)
    : IConversationStore
{
    private const int MaxListed = 1000;

    private long OldestUse => clock.Now - ttl.Ticks;

    public async ValueTask<Conversation?> FindAsync(GenerationId anyAnswer, string caller, CancellationToken cancellationToken) =>
        await store.RunAsync(PostgresStore.ClientPatience, (connection, token) =>
            ConversationRows.FindAsync(connection, anyAnswer, caller, OldestUse, token));

    public async ValueTask<IReadOnlyList<ConversationSummary>> ListAsync(
        string caller, int limit, DateTimeOffset? usedBefore, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, MaxListed);
        return await store.RunAsync(PostgresStore.ClientPatience, (connection, token) => ConversationRows.ListAsync(
            connection, caller, limit, OldestUse, (usedBefore ?? DateTimeOffset.MaxValue).UtcTicks, token));
    }

    public async ValueTask<bool> DeleteAsync(GenerationId conversation, string caller, CancellationToken cancellationToken)
    {
        while (await RemoveAsync(conversation, caller) is { } found)
        {
            if (found.Running is not { } running)
            {
                return true;
            }

            // Another turn may be admitted between its end and the removal; then that one is cancelled too.
            await generations.CancelAsync(running, caller, cancellationToken);
            await foreach (GenerationEvent _ in generations.ReadAsync(running, cancellationToken))
            {
                // Only its end matters.
            }
        }

        return false;
    }

    private Task<ConversationState?> RemoveAsync(GenerationId conversation, string caller) =>
        store.TransactAsync(PostgresStore.ClientPatience, async (connection, token) =>
        {
            ConversationState? state = await ConversationRows.LockAsync(connection, conversation, caller, token);
            if (state is { Running: null })
            {
                await ConversationRows.RemoveAsync(connection, [state.Id], token);
            }

            return state;
        });
}
