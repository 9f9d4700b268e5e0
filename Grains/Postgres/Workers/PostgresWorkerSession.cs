using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Postgres.Moves;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Workers;

/// <summary>One incarnation of a worker in this process. While it is unsealed, what it runs is nobody else's, so it checks its frames in memory.</summary>
/// <remarks>Frames have one writer at a time; everything else is thread-safe.</remarks>
internal sealed class PostgresWorkerSession : IWorkerSession
{
    private const int TokensPerChunk = 256;

    private static readonly TimeSpan LeavePatience = TimeSpan.FromSeconds(5);

    /// <summary>Between two looks at what a draining worker still has, and who has room for it.</summary>
    private static readonly TimeSpan DrainPeriod = TimeSpan.FromMilliseconds(200);

    private readonly PostgresFabric _fabric;
    private readonly ILogger _logger;
    private readonly FrameWriter _frames;
    private readonly AssignedGenerations _assigned;
    private readonly IncomingHandovers _handovers;
    private readonly CommandInbox _commands;

    public PostgresWorkerSession(PostgresFabric fabric, WorkerCard card, ILogger logger)
    {
        _fabric = fabric;
        _logger = logger;
        Card = card;
        _frames = new FrameWriter(Incarnation, fabric.Store, fabric.Clock, logger);
        _assigned = new AssignedGenerations(Incarnation, fabric.Feed, logger);
        _handovers = new IncomingHandovers(Incarnation, fabric.Store);
        _commands = new CommandInbox(Incarnation, fabric.Store, _assigned, _handovers);
    }

    public IncarnationId Incarnation { get; } = IncarnationId.New();

    public WorkerCard Card { get; }

    public bool IsSealed => _commands.IsClosed;

    public IAsyncEnumerable<WorkerCommand> CommandsAsync(CancellationToken cancellationToken) => _commands.ReadAsync(cancellationToken);

    public async ValueTask<LogWriteResult> AppendAsync(LogFrame frame, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(frame);
        if (IsSealed)
        {
            return LogWriteResult.Sealed;
        }

        if (frame.Number <= _frames.Last && frame.Incarnation == Incarnation)
        {
            _assigned.ReportDifferences(frame.Entries);
            return LogWriteResult.Repeated;
        }

        await LearnAsync(frame.Entries.Select(entry => entry.Generation));
        string? fault = frame.Incarnation != Incarnation ? $"it is of incarnation {frame.Incarnation}"
            : frame.Number != _frames.Last + 1 ? $"the last one was {_frames.Last}"
            : _assigned.Check(frame.Entries);
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

        List<AssignedGeneration> grown = _assigned.Append(frame.Entries);
        _fabric.Feed.Signal();
        foreach (AssignedGeneration generation in grown.Where(IsDue))
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
        if (end.Incarnation != Incarnation || _assigned.Find(end.Generation) is not { } generation)
        {
            return await FindRepeatedAsync(end);
        }

        int tokens = generation.Log.Count + end.Entries.Sum(entry => entry.Ids.Length);
        string? fault = end.Entries.Any(entry => entry.Generation != end.Generation) ? "it has entries of another generation"
            : end.KeptTokens < 0 || end.KeptTokens > tokens ? $"it keeps {end.KeptTokens} of {tokens} tokens"
            : _assigned.Check(end.Entries);
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
                _assigned.Append(end.Entries);
                generation.Log.End(end.End);
                _assigned.Remove(end.Generation);
                await _fabric.DispatchAsync(Card.Model, onlyIfWaiting: true);
                break;
        }

        return result;
    }

    public async ValueTask ReleaseAsync(GenerationId generation, CancellationToken cancellationToken)
    {
        if (_assigned.Find(generation) is not { } assigned)
        {
            return;
        }

        // Taken out before: it may come back to this very worker at once.
        _assigned.Remove(generation);
        await _fabric.Store.TransactAsync(PostgresStore.WorkerPatience, (connection, token) => _fabric.Readers.ReleaseAsync(
            connection, assigned.Request, Incarnation.Value, (inside, _) => WriteChunkAsync(inside, assigned, token), token));
    }

    public async ValueTask<PrepareGeneration?> PreparedAsync(GenerationId generation, CancellationToken cancellationToken) =>
        await _handovers.ConfirmAsync(generation);

    public async ValueTask DrainAsync(CancellationToken cancellationToken)
    {
        try
        {
            bool isMember = await _fabric.Store.TransactAsync(
                LeavePatience, (connection, token) => Handover.BeginAsync(connection, Card.Model, Incarnation, token));
            while (isMember && !IsSealed && !cancellationToken.IsCancellationRequested)
            {
                int left = await _fabric.Store.TransactAsync(
                    LeavePatience, (connection, token) => Handover.PlanAsync(connection, Card.Model, Incarnation, token));
                if (left == 0)
                {
                    return;
                }

                await _fabric.Clock.DelayAsync(DrainPeriod, cancellationToken);
            }
        }
        catch (StoreException failure)
        {
            _logger.DrainFailed(Card.Name, Incarnation, failure.Message);
        }
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
        _commands.Close();
        _assigned.Clear();
    }

    /// <summary>Reads the commands that wait.</summary>
    public Task FetchAsync() => _commands.FetchAsync();

    /// <summary>Looks for assignments that this process has not heard of yet.</summary>
    private async ValueTask LearnAsync(IEnumerable<GenerationId> generations)
    {
        if (generations.Any(id => _assigned.Find(id) is null))
        {
            await FetchAsync();
        }
    }

    private static bool IsDue(AssignedGeneration generation) =>
        generation.IsSuspect || generation.Log.Count - generation.ChunkedTokens >= TokensPerChunk;

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
}
