using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Conversations;
using GlmCluster.Grains.Stores;
using Microsoft.Data.Sqlite;

namespace GlmCluster.Grains.Sqlite;

/// <summary>The durable store of one process: a SQLite file that no second server can open.</summary>
/// <remarks>
/// Admissions and ends have reached the disk when their call returns. The log between them survives the process, and loses at most its tail
/// when the machine crashes; a worker generates that tail again. Thread-safe.
/// </remarks>
internal sealed class SqliteStore : IAsyncDisposable
{
    private readonly SqliteThread _thread;

    private SqliteStore(SqliteThread thread, bool outlivesProcess)
    {
        _thread = thread;
        OutlivesProcess = outlivesProcess;
    }

    /// <summary>Whether there is a file.</summary>
    public bool OutlivesProcess { get; }

    /// <param name="path">The file; null: in memory.</param>
    /// <exception cref="StoreException">It is in use, damaged, another program's, from a newer version, or cannot be written.</exception>
    public static async Task<SqliteStore> OpenAsync(string? path) => new(await SqliteThread.StartAsync(path), path is not null);

    public Task<StoreAdmission> AdmitAsync(GenerationRequest request, GenerationFault? capacityFault, DateTimeOffset now) =>
        _thread.RunAsync(durable: true, connection => SqliteAdmission.Admit(connection, request, capacityFault, now.UtcTicks));

    public Task AppendLogAsync(ImmutableArray<LogEntry> entries) => _thread.RunAsync(durable: false, connection =>
    {
        TokenLogTable.Append(connection, entries);
        return entries.Length;
    });

    /// <summary>Ends a generation in one transaction: its whole log, the end, its usage, and its turn in the conversation.</summary>
    /// <returns>False: it has ended before; nothing changed.</returns>
    public Task<bool> EndAsync(
        GenerationRequest request, ImmutableArray<LogEntry> wholeLog, GenerationEnd end, int keptTokens, DateTimeOffset now) =>
        _thread.RunAsync(durable: true, connection =>
        {
            if (!GenerationTable.End(connection, request.Id, end, keptTokens, now.UtcTicks))
            {
                return false;
            }

            TokenLogTable.Replace(connection, request.Id, wholeLog);
            GenerationTable.CountUsage(connection, request, end.Usage, now.UtcTicks);
            if (end.Reason is EndReason.Stop or EndReason.Length && request.Turn is not null)
            {
                int[] keptIds = [.. wholeLog.Where(entry => entry.Choice == 0).SelectMany(entry => entry.Ids).Take(keptTokens)];
                ConversationTable.Append(connection, request, keptIds, now.UtcTicks);
            }
            else
            {
                ConversationTable.Release(connection, request.Id, now.UtcTicks);
            }

            return true;
        });

    public Task<StoredGeneration?> FindAsync(GenerationId id) => ReadAsync(connection => GenerationTable.Find(connection, id));

    public Task<List<StoredGeneration>> FindUnfinishedAsync() => ReadAsync(GenerationTable.FindUnfinished);

    public Task<Conversation?> FindConversationAsync(GenerationId anyAnswer, string caller) =>
        ReadAsync(connection => ConversationTable.Find(connection, anyAnswer, caller));

    public Task<List<ConversationSummary>> ListConversationsAsync(string caller, int limit, DateTimeOffset usedBefore) =>
        ReadAsync(connection => ConversationTable.List(connection, caller, limit, usedBefore.UtcTicks));

    /// <summary>Removes a conversation unless something runs in it.</summary>
    /// <returns>How it was found: null: not at all; <see cref="ConversationState.Running"/> set: it is still there.</returns>
    public Task<ConversationState?> RemoveConversationAsync(GenerationId conversation, string caller) =>
        _thread.RunAsync(durable: true, connection =>
        {
            ConversationState? state = ConversationTable.FindState(connection, conversation, caller);
            if (state is { Running: null })
            {
                ConversationTable.Remove(connection, state.Id);
            }

            return state;
        });

    /// <summary>Removes idle conversations with their generations, and ended generations that belong to none.</summary>
    public Task<(int Conversations, int Generations)> ExpireAsync(DateTimeOffset conversationsUsedBefore, DateTimeOffset generationsEndedBefore) =>
        _thread.RunAsync(durable: false, connection =>
        {
            List<GenerationId> idle = ConversationTable.FindIdle(connection, conversationsUsedBefore.UtcTicks);
            idle.ForEach(id => ConversationTable.Remove(connection, id));
            return (idle.Count, GenerationTable.RemoveLoose(connection, generationsEndedBefore.UtcTicks));
        });

    public Task PublishAsync(ModelCard card, ReadOnlyMemory<byte> textAssets) => _thread.RunAsync(durable: true, connection =>
    {
        ModelTable.Publish(connection, card, textAssets);
        return true;
    });

    public Task<List<ModelCard>> CardsAsync() => ReadAsync(ModelTable.Cards);

    public Task<byte[]?> TextAssetsAsync(string hash) => ReadAsync(connection => ModelTable.TextAssets(connection, hash));

    /// <summary>Runs a query on the store's thread.</summary>
    public Task<T> ReadAsync<T>(Func<SqliteConnection, T> query) => _thread.RunAsync(durable: false, query);

    /// <summary>Finishes what is queued and closes the file.</summary>
    public ValueTask DisposeAsync() => _thread.DisposeAsync();
}
