using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Postgres.Moves;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Workers;

/// <summary>Brings the stored commands of one incarnation to its worker, and what is to be run into its table. Thread-safe.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore without a wait handle holds nothing, and a late fetch must find it.")]
internal sealed class CommandInbox(IncarnationId incarnation, PostgresStore store, AssignedGenerations assigned, IncomingHandovers handovers)
{
    private readonly Channel<WorkerCommand> _commands = Channel.CreateUnbounded<WorkerCommand>(new() { SingleReader = true });
    private readonly SemaphoreSlim _fetching = new(1); // held while commands are read, across awaits
    private readonly HashSet<long> _taken = []; // command numbers; guarded by _fetching

    public bool IsClosed { get; private set; }

    /// <summary>Commands as they come, until the inbox is closed.</summary>
    public async IAsyncEnumerable<WorkerCommand> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (WorkerCommand command in _commands.Reader.ReadAllAsync(cancellationToken))
        {
            if (IsClosed)
            {
                yield break; // what it has not picked up belongs to others
            }

            yield return command;
        }
    }

    public void Close()
    {
        IsClosed = true;
        _commands.Writer.TryComplete();
    }

    /// <summary>Reads the commands that wait.</summary>
    public async Task FetchAsync()
    {
        if (IsClosed)
        {
            return;
        }

        await _fetching.WaitAsync(CancellationToken.None);
        try
        {
            long[] before = [.. _taken];
            (List<StoredCommand> commands, List<PrepareGeneration> prepares) = await store.RunAsync(
                PostgresStore.WorkerPatience, (connection, token) => ReadAsync(connection, before, token));
            List<StoredCommand> added = commands.FindAll(command => !_taken.Contains(command.Number));
            _taken.Clear();
            _taken.UnionWith(commands.Select(command => command.Number));
            added.ForEach(Deliver);
            prepares.ForEach(Deliver);
        }
        finally
        {
            _fetching.Release();
        }
    }

    private async Task<(List<StoredCommand> Waiting, List<PrepareGeneration> Prepares)> ReadAsync(
        NpgsqlConnection connection, long[] before, CancellationToken cancellationToken)
    {
        List<StoredCommand> waiting = await WorkerCommands.TakeAsync(connection, incarnation.Value, before, cancellationToken);
        List<StoredCommand> added = waiting.FindAll(command => !before.Contains(command.Number));
        await AssignAsync(connection, OfKind(added, WorkerCommandKind.Run), cancellationToken);
        GenerationId[] prepared = OfKind(added, WorkerCommandKind.Prepare);
        return (waiting, prepared.Length == 0 ? [] : await handovers.ReadAsync(connection, prepared, cancellationToken));
    }

    private static GenerationId[] OfKind(List<StoredCommand> commands, WorkerCommandKind kind) =>
        [.. commands.Where(command => command.Kind == kind).Select(command => command.Generation)];

    /// <summary>Reads requests and logs of what is to be run.</summary>
    private async Task AssignAsync(NpgsqlConnection connection, GenerationId[] runs, CancellationToken cancellationToken)
    {
        if (runs.Length == 0)
        {
            return;
        }

        foreach (GenerationRow row in await GenerationRows.FindAllAsync(connection, runs, cancellationToken))
        {
            if (row.Worker == incarnation.Value && assigned.Find(row.Id) is null)
            {
                TokenLog log = await TokenLogRows.ReadWholeAsync(connection, row.Id, cancellationToken);
                assigned.Add(new AssignedGeneration(row.Request, log, row.IsSuspect) { ChunkedTokens = (int)row.LoggedTokens });
            }
        }
    }

    private void Deliver(WorkerCommand command) => _commands.Writer.TryWrite(command);

    private void Deliver(StoredCommand command)
    {
        if (assigned.Find(command.Generation) is not { } generation)
        {
            return; // it ended meanwhile, or is to be prepared
        }

        switch (command.Kind)
        {
            case WorkerCommandKind.Run:
                Deliver(new RunGeneration(generation.Request, generation.Log.ToEntries(command.Generation), generation.IsSuspect));
                break;
            case WorkerCommandKind.Park:
                Deliver(new ParkGeneration(command.Generation));
                break;
            case WorkerCommandKind.Cancel:
                Deliver(new CancelGeneration(command.Generation));
                break;
        }

        // Another kind is a later version's.
    }
}
