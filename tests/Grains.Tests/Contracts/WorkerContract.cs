using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.Contracts;

/// <summary>What every fabric promises to workers, and demands of them.</summary>
public abstract class WorkerContract(FabricHarness harness) : FabricContract(harness)
{
    private readonly GenerationRequest _request = Samples.Turn();

    [Fact]
    public async Task Append_FramesInOrder_AreWritten()
    {
        IWorkerSession worker = await StartAsync();

        Assert.Equal(LogWriteResult.Written, await AppendAsync(worker, 1, Entry(1, 100, 101)));
        Assert.Equal(LogWriteResult.Written, await AppendAsync(worker, 2, Entry(3, 102)));

        await AssertLogAsync(100, 101, 102);
    }

    [Fact]
    public async Task Append_SameFrameAgain_ChangesNothing()
    {
        IWorkerSession worker = await StartAsync();
        await AppendAsync(worker, 1, Entry(1, 100));
        await AppendAsync(worker, 2, Entry(2, 101));

        LogWriteResult result = await AppendAsync(worker, 1, Entry(1, 100));

        Assert.Equal(LogWriteResult.Repeated, result);
        Assert.Empty(Fabric.Events.Errors);
        await AssertLogAsync(100, 101);
    }

    [Fact]
    public async Task Append_SameNumberOtherTokens_IsReportedAndTheLogStands()
    {
        IWorkerSession worker = await StartAsync();
        await AppendAsync(worker, 1, Entry(1, 100));

        LogWriteResult result = await AppendAsync(worker, 1, Entry(1, 999));

        Assert.Equal(LogWriteResult.Repeated, result);
        Assert.Equal(["RepeatDiffers"], Fabric.Events.Errors);
        await AssertLogAsync(100);
    }

    [Theory]
    [InlineData(3, 2)] // a frame is missing
    [InlineData(2, 3)] // a token is missing
    [InlineData(2, 0)] // positions count from 1
    public async Task Append_Hole_IsRefusedAsAWhole(long number, long secondSeq)
    {
        IWorkerSession worker = await StartAsync();
        GenerationRequest other = Samples.Request();
        await Fabric.AdmitAsync(other);
        await AppendAsync(worker, 1, Entry(1, 100));

        LogWriteResult result = await AppendAsync(worker, number, new LogEntry(other.Id, 1, 0, [500]), Entry(secondSeq, 101));
        LogWriteResult next = await AppendAsync(worker, 2, Entry(2, 101));

        Assert.Equal(LogWriteResult.Refused, result);
        Assert.Equal(LogWriteResult.Written, next);
        Assert.Equal(["FrameRefused"], Fabric.Events.Errors);
        Assert.Equal(0, (await Fabric.Generations.FindAsync(other.Id, other.Caller, CancellationToken.None))?.LoggedTokens);
        await AssertLogAsync(100, 101);
    }

    [Fact]
    public async Task Append_GenerationOfAnotherWorker_IsRefused()
    {
        await StartAsync();
        IWorkerSession stranger = await Fabric.JoinByHandAsync();

        Assert.Equal(LogWriteResult.Refused, await AppendAsync(stranger, 1, Entry(1, 100)));
        await AssertLogAsync();
    }

    [Fact]
    public async Task Append_ReplayThatAgrees_AddsOnlyWhatIsNew()
    {
        IWorkerSession worker = await StartAsync();
        await AppendAsync(worker, 1, Entry(1, 100, 101));

        LogWriteResult result = await AppendAsync(worker, 2, Entry(1, 100, 101, 102));

        Assert.Equal(LogWriteResult.Written, result);
        await AssertLogAsync(100, 101, 102);
    }

    [Fact]
    public async Task Append_ReplayThatDiffers_IsReportedAndRefused()
    {
        IWorkerSession worker = await StartAsync();
        await AppendAsync(worker, 1, Entry(1, 100, 101));

        LogWriteResult result = await AppendAsync(worker, 2, Entry(1, 100, 999, 102));

        Assert.Equal(LogWriteResult.Refused, result);
        Assert.Contains("RepeatDiffers", Fabric.Events.Errors);
        await AssertLogAsync(100, 101);
    }

    [Fact]
    public async Task TakeOver_FencesTheWorkerAndGivesItsWorkToAnother()
    {
        IWorkerSession stale = await StartAsync();
        await AppendAsync(stale, 1, Entry(1, 100, 101));
        await using ScriptedWorker heir = await Fabric.JoinAsync(paused: true);
        await using var reader = new TokenReader(Fabric.Generations, _request.Id);
        await reader.ReadAsync(2);

        bool first = await Fabric.Workers.TakeOverAsync(stale.Incarnation, CancellationToken.None);
        bool second = await Fabric.Workers.TakeOverAsync(stale.Incarnation, CancellationToken.None);
        LogWriteResult append = await AppendAsync(stale, 2, Entry(3, 999));
        LogWriteResult end = await stale.EndAsync(End(stale, keptTokens: 2), CancellationToken.None);
        RunGeneration run = await heir.NextAsync<RunGeneration>();
        await heir.StepAsync(3);

        Assert.True(first);
        Assert.False(second);
        Assert.Equal((LogWriteResult.Sealed, LogWriteResult.Sealed), (append, end));
        Assert.Equal(Fabric.SuspectsThoseWithTokens, run.Suspect);
        Assert.Equal([100, 101], run.Logged.SelectMany(entry => entry.Ids));
        Assert.Equal(Samples.Answer(), (await reader.ReadToEndAsync()).Ids);
        Assert.Empty(await stale.CommandsAsync(CancellationToken.None).ToListAsync());
    }

    [Fact]
    public async Task Leave_WithAReaderAndNoOtherWorker_GoesOnWhenOneJoins()
    {
        ScriptedWorker first = await Fabric.JoinAsync(paused: true);
        await Fabric.AdmitAsync(_request);
        await using var reader = new TokenReader(Fabric.Generations, _request.Id);
        await first.NextAsync<RunGeneration>();
        await first.StepAsync(2);
        await reader.ReadAsync(2);

        await first.DisposeAsync();
        await using ScriptedWorker second = await Fabric.JoinAsync();

        Assert.Equal(Samples.Answer(), (await reader.ReadToEndAsync()).Ids);
        Assert.False((await second.NextAsync<RunGeneration>()).Suspect);
    }

    [Fact]
    public async Task Leave_WithAReaderAndNobodyJoins_FailsAfterTheWindow()
    {
        ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        await Fabric.AdmitAsync(_request);
        await worker.NextAsync<RunGeneration>();
        await worker.StepAsync(2);
        await using var reader = new TokenReader(Fabric.Generations, _request.Id);
        await reader.ReadAsync(2);
        await worker.DisposeAsync();

        Fabric.Time.Advance(FabricHarness.ResumeWindow);
        GenerationEnd end = (await reader.ReadToEndAsync()).End;

        Assert.Equal(EndReason.Failed, end.Reason);
        Assert.Equal(GenerationFaultCode.Unavailable, end.Fault?.Code);
        Assert.Equal(new TokenUsage(3, 2), end.Usage);
    }

    [Fact]
    public async Task Leave_Unread_ParksItsWork()
    {
        ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        await Fabric.AdmitAsync(_request);

        await worker.DisposeAsync();

        Assert.Equal(GenerationState.Parked, await Fabric.StateAsync(_request));
    }

    [Fact]
    public async Task Leave_CancelNotCarriedOut_EndsAsCancelled()
    {
        IWorkerSession worker = await StartAsync();
        await Fabric.Generations.CancelAsync(_request.Id, Samples.Caller, CancellationToken.None);

        await worker.DisposeAsync();

        Assert.Equal(EndReason.Cancelled, (await Fabric.ReadAsync(_request.Id)).End.Reason);
    }

    [Fact]
    public async Task End_WithTheLastEntries_WritesAllOfIt()
    {
        IWorkerSession worker = await StartAsync();
        await AppendAsync(worker, 1, Entry(1, 100));

        LogWriteResult result = await worker.EndAsync(End(worker, keptTokens: 2, Entry(2, 101), Entry(3, Samples.StopId)), CancellationToken.None);

        Assert.Equal(LogWriteResult.Written, result);
        Assert.Equal([100, 101, Samples.StopId], (await Fabric.ReadAsync(_request.Id)).Ids);
        Conversation? conversation = await Fabric.Conversations.FindAsync(_request.Id, Samples.Caller, CancellationToken.None);
        Assert.Equal([100, 101], conversation?.Turns[0].AnswerIds);
    }

    [Fact]
    public async Task End_Twice_CountsOnce()
    {
        IWorkerSession worker = await StartAsync();
        EndOfGeneration end = End(worker, keptTokens: 1, Entry(1, 100));

        LogWriteResult first = await worker.EndAsync(end, CancellationToken.None);
        LogWriteResult second = await worker.EndAsync(end, CancellationToken.None);

        Assert.Equal((LogWriteResult.Written, LogWriteResult.Repeated), (first, second));
        Assert.Empty(Fabric.Events.Errors);
        Assert.Equal([end.End.Usage], await Fabric.UsageAsync(_request.Id));
        Conversation? conversation = await Fabric.Conversations.FindAsync(_request.Id, Samples.Caller, CancellationToken.None);
        Assert.Single(conversation!.Turns);
    }

    [Fact]
    public async Task End_TwiceDifferently_IsReportedAndTheFirstStands()
    {
        IWorkerSession worker = await StartAsync();
        EndOfGeneration end = End(worker, keptTokens: 1, Entry(1, 100));
        await worker.EndAsync(end, CancellationToken.None);

        LogWriteResult second = await worker.EndAsync(end with { End = end.End with { Reason = EndReason.Length } }, CancellationToken.None);

        Assert.Equal(LogWriteResult.Repeated, second);
        Assert.Equal(["RepeatedEndDiffers"], Fabric.Events.Errors);
        Assert.Equal(EndReason.Stop, (await Fabric.ReadAsync(_request.Id)).End.Reason);
    }

    [Fact]
    public async Task End_OfAnUnknownGeneration_IsRefused()
    {
        IWorkerSession worker = await StartAsync();

        LogWriteResult result = await worker.EndAsync(
            End(worker, keptTokens: 0) with { Generation = GenerationId.New() }, CancellationToken.None);

        Assert.Equal(LogWriteResult.Refused, result);
    }

    [Fact]
    public async Task End_KeepingMoreThanThereIs_IsRefused()
    {
        IWorkerSession worker = await StartAsync();

        Assert.Equal(LogWriteResult.Refused, await worker.EndAsync(End(worker, keptTokens: 2, Entry(1, 100)), CancellationToken.None));
        await AssertLogAsync();
    }

    [Fact]
    public async Task Route_TwoWorkersOfOneModel_ShareTheLoad()
    {
        await using ScriptedWorker one = await Fabric.JoinAsync(paused: true);
        await using ScriptedWorker two = await Fabric.JoinAsync(paused: true);

        for (int i = 0; i < 4; i++)
        {
            await Fabric.AdmitAsync(Samples.Request());
        }

        IReadOnlyList<WorkerStatus> workers = await Fabric.Workers.ListAsync(CancellationToken.None);
        Assert.Equal([2, 2], workers.Select(worker => worker.AssignedGenerations));
    }

    [Fact]
    public async Task Route_OneNameTwoWeights_GoesByTheHash()
    {
        ModelCard rolledOut = SampleModel.Card(weights: "v2");
        await using ScriptedWorker old = await Fabric.JoinAsync(paused: true);
        await using ScriptedWorker current = await Fabric.JoinAsync(paused: true, card: rolledOut);

        GenerationRequest request = Samples.Request(model: rolledOut.Model);
        await Fabric.AdmitAsync(request);

        Assert.Equal(request.Id, (await current.NextAsync<RunGeneration>()).Request.Id);
        Assert.False(old.Received.TryPeek(out _));
    }

    [Fact]
    public async Task Join_WithAModelNobodyPublished_Throws() => await Assert.ThrowsAsync<InvalidOperationException>(
        async () => await Fabric.Workers.JoinAsync(new WorkerCard("w", Samples.Request().Model, 1, 1, null), CancellationToken.None));

    [Fact]
    public async Task List_ShowsTheLastBeat()
    {
        IWorkerSession worker = await Fabric.JoinByHandAsync();
        var beat = new WorkerBeat(7, 1, 99, []);

        await worker.BeatAsync(beat, CancellationToken.None);

        WorkerStatus status = Assert.Single(await Fabric.Workers.ListAsync(CancellationToken.None));
        Assert.Equal((worker.Incarnation, beat.Counter), (status.Incarnation, status.LastBeat?.Counter));
    }

    private async Task<IWorkerSession> StartAsync()
    {
        IWorkerSession worker = await Fabric.JoinByHandAsync();
        await Fabric.AdmitAsync(_request);
        return worker;
    }

    private LogEntry Entry(long firstSeq, params ImmutableArray<int> ids) => new(_request.Id, firstSeq, 0, ids);

    private EndOfGeneration End(IWorkerSession worker, int keptTokens, params ImmutableArray<LogEntry> entries) =>
        new(worker.Incarnation, entries, _request.Id, new GenerationEnd(EndReason.Stop, new TokenUsage(3, 3)), keptTokens);

    private static async Task<LogWriteResult> AppendAsync(IWorkerSession worker, long number, params ImmutableArray<LogEntry> entries) =>
        await worker.AppendAsync(new LogFrame(worker.Incarnation, number, entries), CancellationToken.None);

    private async Task AssertLogAsync(params int[] ids)
    {
        GenerationSnapshot? snapshot = await Fabric.Generations.FindAsync(_request.Id, Samples.Caller, CancellationToken.None);
        Assert.Equal(ids.Length, snapshot?.LoggedTokens);
        await using var reader = new TokenReader(Fabric.Generations, _request.Id);
        Assert.Equal(ids, await reader.ReadAsync(ids.Length));
    }
}
