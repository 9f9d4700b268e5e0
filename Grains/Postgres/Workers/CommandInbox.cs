using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.InProcess;
using GlmCluster.Grains.Postgres.Moves;
using GlmCluster.Grains.Postgres.Sql;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Workers;

/// <summary>Brings the stored commands of one incarnation to its worker, and what is to be run into its table. Thread-safe.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A semaphore without a wait handle holds nothing, and a late fetch must find it.")]
internal sealed class CommandInbox(IncarnationId incarnation, PostgresStore store, AssignedGenerations assigned)
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
            List<StoredCommand> commands = await store.RunAsync(PostgresStore.WorkerPatience, async (connection, token) =>
            {
                List<StoredCommand> waiting = await WorkerCommands.TakeAsync(connection, incarnation.Value, before, token);
                await AssignAsync(connection, waiting.Where(command => !_taken.Contains(command.Number)), token);
                return waiting;
            });
            List<StoredCommand> added = commands.FindAll(command => !_taken.Contains(command.Number));
            _taken.Clear();
            _taken.UnionWith(commands.Select(command => command.Number));
            added.ForEach(Deliver);
        }
        finally
        {
            _fetching.Release();
        }
    }

    /// <summary>Reads requests and logs of what is to be run.</summary>
    private async Task AssignAsync(NpgsqlConnection connection, IEnumerable<StoredCommand> commands, CancellationToken cancellationToken)
    {
        GenerationId[] runs = [.. commands.Where(command => command.Kind == WorkerCommandKind.Run).Select(command => command.Generation)];
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

    private void Deliver(StoredCommand command)
    {
        if (assigned.Find(command.Generation) is not { } generation)
        {
            return; // it ended meanwhile
        }

        _commands.Writer.TryWrite(command.Kind switch
        {
            WorkerCommandKind.Run => new RunGeneration(
                generation.Request, generation.Log.ToEntries(command.Generation), generation.IsSuspect),
            WorkerCommandKind.Park => new ParkGeneration(command.Generation),
            _ => new CancelGeneration(command.Generation),
        });
    }
}
