using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.InProcess;
using GlmCluster.Grains.Postgres.Moves;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Sqlite;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Workers;

/// <summary>One incarnation of a worker in this process. While it is unsealed, what it runs is nobody else's, so it checks its frames in memory.</summary>
/// <remarks>Frames have one writer at a time; everything else is thread-safe.</remarks>
internal sealed class PostgresWorkerSession : IWorkerSession
{
    private const int TokensPerChunk = 256;

    private static readonly TimeSpan LeavePatience = TimeSpan.FromSeconds(5);

    private readonly PostgresFabric _fabric;
    private readonly ILogger _logger;
    private readonly FrameWriter _frames;
    private readonly Channel<WorkerCommand> _commands = Channel.CreateUnbounded<WorkerCommand>(new() { SingleReader = true });
    private readonly SemaphoreSlim _fetching = new(1); // held while commands are read, across awaits
    private readonly HashSet<long> _taken = []; // command numbers; guarded by _fetching
    private readonly Lock _lock = new(); // guards _assigned
    private readonly Dictionary<GenerationId, AssignedGeneration> _assigned = [];

    public PostgresWorkerSession(PostgresFabric fabric, WorkerCard card, ILogger logger)
    {
        _fabric = fabric;
        _logger = logger;
        Card = card;
        _frames = new FrameWriter(Incarnation, fabric.Store, fabric.Clock, logger);
    }

    public IncarnationId Incarnation { get; } = IncarnationId.New();

    public WorkerCard Card { get; }

    public bool IsSealed { get; private set; }

    public async IAsyncEnumerable<WorkerCommand> CommandsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (WorkerCommand command in _commands.Reader.ReadAllAsync(cancellationToken))
        {
            if (IsSealed)
            {
                yield break; // what it has not picked up belongs to others
            }

            yield return command;
        }
    }

    public async ValueTask<LogWriteResult> AppendAsync(LogFrame frame, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frame);
        if (IsSealed)
        {
            return LogWriteResult.Sealed;
        }

        if (frame.Number <= _frames.Last && frame.Incarnation == Incarnation)
        {
            ReportDifferences(frame.Entries);
            return LogWriteResult.Repeated;
        }

        await LearnAsync(frame.Entries.Select(entry => entry.Generation));
        string? fault = frame.Incarnation != Incarnation ? $"it is of incarnation {frame.Incarnation}"
            : frame.Number != _frames.Last + 1 ? $"the last one was {_frames.Last}"
            : Check(frame.Entries);
        if (fault is not null)
        {
            _logger.FrameRefused(Incarnation, frame.Number, fault);
            return LogWriteResult.Refused;
        }

        if (await _frames.WriteAsync(frame) == LogWriteResult.Sealed)
        {
            Seal();
            return LogWriteResult.Sealed;
        }

        List<AssignedGeneration> grown = Append(frame.Entries);
        _fabric.Feed.Signal();
        foreach (AssignedGeneration generation in grown)
        {
            await NoteProgressAsync(generation);
        }

        return LogWriteResult.Written;
    }

    public async ValueTask<LogWriteResult> EndAsync(EndOfGeneration end, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(end);
        if (IsSealed)
        {
            return LogWriteResult.Sealed;
        }

        await LearnAsync([end.Generation]);
        if (end.Incarnation != Incarnation || Find(end.Generation) is not { } generation)
        {
            return await FindRepeatedAsync(end);
        }

        int tokens = generation.Log.Count + end.Entries.Sum(entry => entry.Ids.Length);
        string? fault = end.Entries.Any(entry => entry.Generation != end.Generation) ? "it has entries of another generation"
            : end.KeptTokens < 0 || end.KeptTokens > tokens ? $"it keeps {end.KeptTokens} of {tokens} tokens"
            : Check(end.Entries);
        if (fault is not null)
        {
            _logger.EndRefused(Incarnation, end.Generation, fault);
            return LogWriteResult.Refused;
        }

        LogWriteResult result = await WriteEndAsync(generation, end);
        switch (result)
        {
            case LogWriteResult.Sealed:
                Seal();
                break;
            case LogWriteResult.Written:
                Append(end.Entries);
                generation.Log.End(end.End);
                Forget(end.Generation);
                await _fabric.DispatchAsync(Card.Model, onlyIfWaiting: true);
                break;
        }

        return result;
    }

    public async ValueTask ReleaseAsync(GenerationId generation, CancellationToken cancellationToken)
    {
        if (Find(generation) is not { } assigned)
        {
            return;
        }

        // Taken out before: it may come back to this very worker at once.
        Forget(generation);
        await _fabric.Store.TransactAsync(PostgresStore.WorkerPatience, (connection, token) => _fabric.Readers.ReleaseAsync(
            connection, assigned.Request, Incarnation.Value, (inside, _) => WriteChunkAsync(inside, assigned, token), token));
    }

    public async ValueTask BeatAsync(WorkerBeat beat, CancellationToken cancellationToken)
    {
        try
        {
            bool isMember = await _fabric.Store.RunAsync(TimeSpan.Zero, async (connection, token) =>
            {
                await WorkerRows.BeatAsync(connection, Incarnation.Value, beat, token);
                return await WorkerRows.FindUnsealedAsync(connection, Incarnation, token) is not null;
            });
            if (!isMember)
            {
                Seal();
            }
        }
        catch (StoreException)
        {
            // A beat that is lost with the database away says nothing: nobody else can look at it either.
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _fabric.LeaveAsync(this, LeavePatience);
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException)
        {
            _logger.LeaveFailed(Card.Name, Incarnation, failure.Message);
        }

        Seal();
    }

    /// <summary>From here on nothing of this incarnation is accepted.</summary>
    public void Seal()
    {
        IsSealed = true;
        _commands.Writer.TryComplete();
        GenerationId[] left;
        lock (_lock)
        {
            left = [.. _assigned.Keys];
        }

        Array.ForEach(left, Forget);
    }

    /// <summary>Reads the commands that wait.</summary>
    public async Task FetchAsync()
    {
        if (IsSealed)
        {
            return;
        }

        await _fetching.WaitAsync(CancellationToken.None);
        try
        {
            long[] before = [.. _taken];
            List<StoredCommand> commands = await _fabric.Store.RunAsync(PostgresStore.WorkerPatience, async (connection, token) =>
            {
                List<StoredCommand> waiting = await WorkerCommands.TakeAsync(connection, Incarnation.Value, before, token);
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
            if (row.Worker == Incarnation.Value && Find(row.Id) is null)
            {
                TokenLog log = await TokenLogRows.ReadWholeAsync(connection, row.Id, cancellationToken);
                lock (_lock)
                {
                    _assigned[row.Id] = new AssignedGeneration(row.Request, log, row.IsSuspect) { ChunkedTokens = (int)row.LoggedTokens };
                }

                _fabric.Feed.Add(row.Id, log);
            }
        }
    }

    private void Deliver(StoredCommand command)
    {
        if (Find(command.Generation) is not { } generation)
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

    /// <summary>Looks for assignments that this process has not heard of yet.</summary>
    private async ValueTask LearnAsync(IEnumerable<GenerationId> generations)
    {
        if (generations.Any(id => Find(id) is null))
        {
            await FetchAsync();
        }
    }

    /// <returns>Why the entries cannot follow their logs; null: they can.</returns>
    private string? Check(ImmutableArray<LogEntry> entries)
    {
        string? fault = null;
        foreach (LogEntry entry in entries)
        {
            fault ??= CheckAndStage(entry);
        }

        foreach (LogEntry entry in entries)
        {
            if (Find(entry.Generation) is { } generation)
            {
                generation.StagedTokens = 0;
            }
        }

        return fault;
    }

    private string? CheckAndStage(LogEntry entry)
    {
        if (Find(entry.Generation) is not { } generation)
        {
            return $"generation {entry.Generation} is not this worker's";
        }

        long next = generation.Log.Count + generation.StagedTokens + 1L;
        if (entry.Ids.IsDefaultOrEmpty || entry.FirstSeq < 1 || entry.FirstSeq > next || entry.Choice < 0)
        {
            return $"its entry of generation {entry.Generation} starts at {entry.FirstSeq}, choice {entry.Choice}, or is empty; next is {next}";
        }

        if (!generation.Log.Agrees(entry))
        {
            _logger.RepeatDiffers(Incarnation, entry.Generation, entry.FirstSeq);
            return $"its tokens of generation {entry.Generation} differ from the log";
        }

        generation.StagedTokens += (int)Math.Max(0, entry.FirstSeq + entry.Ids.Length - next);
        return null;
    }

    /// <returns>Generations that need something of the store now.</returns>
    private List<AssignedGeneration> Append(ImmutableArray<LogEntry> entries)
    {
        var due = new List<AssignedGeneration>();
        var nobody = new ReaderWaker();
        foreach (LogEntry entry in entries)
        {
            AssignedGeneration generation = Find(entry.Generation)!;
            generation.Log.Append(entry, nobody); // the live path has a signal of its own
            if ((generation.IsSuspect || generation.Log.Count - generation.ChunkedTokens >= TokensPerChunk) && !due.Contains(generation))
            {
                due.Add(generation);
            }
        }

        return due;
    }

    /// <summary>A suspect that got a token is none any more; a log that grew gets a chunk, so that nobody has to read its old frames.</summary>
    private async Task NoteProgressAsync(AssignedGeneration generation)
    {
        if (generation.Log.Count - generation.ChunkedTokens >= TokensPerChunk)
        {
            long fromFrame = _frames.Last;
            await _fabric.Store.RunFrameAsync(PostgresStore.WorkerPatience, async (connection, token) =>
            {
                int count = generation.Log.Count;
                await TokenLogRows.AppendAsync(
                    connection,
                    generation.Request.Id,
                    generation.Log.EntriesAfter(generation.ChunkedTokens, generation.Request.Id),
                    fromFrame,
                    Incarnation.Value,
                    token);
                generation.ChunkedTokens = count;
                return count;
            });
        }

        if (generation.IsSuspect)
        {
            generation.IsSuspect = false;
            await _fabric.Store.RunAsync(PostgresStore.WorkerPatience, (connection, token) => connection.ExecuteAsync(
                "update glm.generations set is_suspect = false, workers_lost_alone = 0 where id = $1", token, generation.Request.Id.ToString()));
            await _fabric.DispatchAsync(Card.Model, onlyIfWaiting: true);
        }
    }

    private static Task WriteChunkAsync(NpgsqlConnection connection, AssignedGeneration generation, CancellationToken cancellationToken) =>
        TokenLogRows.AppendAsync(
            connection,
            generation.Request.Id,
            generation.Log.EntriesAfter(generation.ChunkedTokens, generation.Request.Id),
            fromFrame: null,
            worker: null,
            cancellationToken);

    private async Task<LogWriteResult> WriteEndAsync(AssignedGeneration generation, EndOfGeneration end)
    {
        var whole = new TokenLog();
        var nobody = new ReaderWaker();
        foreach (LogEntry entry in generation.Log.ToEntries(end.Generation).AddRange(end.Entries))
        {
            whole.Append(entry, nobody);
        }

        return await _fabric.Store.TransactAsync(PostgresStore.WorkerPatience, async (connection, token) =>
        {
            if (!await WorkerRows.FenceAsync(connection, Incarnation, token))
            {
                return LogWriteResult.Sealed;
            }

            GenerationRow? row = await GenerationRows.LockAsync(connection, end.Generation, token);
            if (row is { State: GenerationRowState.Ended })
            {
                return LogWriteResult.Written; // by an attempt whose answer was lost: nobody else ends what an unsealed worker has
            }

            if (row is null || row.Worker != Incarnation.Value)
            {
                return LogWriteResult.Refused;
            }

            await _fabric.Ends.WriteAsync(connection, row, whole, end.End, end.KeptTokens, token);
            return LogWriteResult.Written;
        });
    }

    /// <summary>Tells a repeated end from a wrong one, where the generation does not run here.</summary>
    private async Task<LogWriteResult> FindRepeatedAsync(EndOfGeneration end)
    {
        GenerationRow? row = await _fabric.Store.RunAsync(
            PostgresStore.WorkerPatience, (connection, token) => GenerationRows.FindAsync(connection, end.Generation, token));
        if (row?.End is not { } stored)
        {
            _logger.EndRefused(Incarnation, end.Generation, "the generation is not this worker's");
            return LogWriteResult.Refused;
        }

        if (stored != end.End)
        {
            _logger.RepeatedEndDiffers(Incarnation, end.Generation);
        }

        return LogWriteResult.Repeated;
    }

    private void ReportDifferences(ImmutableArray<LogEntry> entries)
    {
        foreach (LogEntry entry in entries)
        {
            if (Find(entry.Generation) is { } generation && !generation.Log.Agrees(entry))
            {
                _logger.RepeatDiffers(Incarnation, entry.Generation, entry.FirstSeq);
            }
        }
    }

    private AssignedGeneration? Find(GenerationId id)
    {
        lock (_lock)
        {
            return _assigned.GetValueOrDefault(id);
        }
    }

    private void Forget(GenerationId id)
    {
        lock (_lock)
        {
            _assigned.Remove(id);
        }

        _fabric.Feed.Remove(id);
    }
}
