using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.Contracts;

/// <summary>What every fabric promises to readers, also to those who leave and come back.</summary>
public abstract class ReadingContract(FabricHarness harness) : FabricContract(harness)
{
    private static readonly TimeSpan PastTheWindow = FabricHarness.ResumeWindow + TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Read_WhileRunning_SeesTokensAsTheyAreWritten()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        (GenerationRequest request, TokenReader reader) = await StartAsync(worker);
        await using TokenReader _ = reader;

        await worker.StepAsync(2);
        ImmutableArray<int> some = await reader.ReadAsync(2);
        await worker.StepAsync(3);
        (ImmutableArray<int> all, GenerationEnd end) = await reader.ReadToEndAsync();

        Assert.Equal([100, 101], some);
        Assert.Equal(Samples.Answer(), all);
        Assert.Equal(new GenerationEnd(EndReason.Stop, new TokenUsage(3, 5)), end);
        Assert.Equal(GenerationState.Ended, await Fabric.StateAsync(request));
    }

    [Fact]
    public async Task Read_SlowReader_HoldsNobodyUp()
    {
        const int Tokens = 3000;
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true, answerTokens: Tokens);
        (GenerationRequest request, TokenReader slow) = await StartAsync(worker, Samples.Request() with { MaxTokens = Tokens });
        await using TokenReader _ = slow;
        await worker.StepAsync();
        await slow.ReadAsync(1);

        await worker.StepAsync(Tokens - 1);
        (ImmutableArray<int> fast, GenerationEnd end) = await Fabric.ReadAsync(request.Id);

        Assert.Equal(Tokens, fast.Length);
        Assert.Equal((await slow.ReadToEndAsync()).Ids, fast);
        Assert.Equal(Tokens, end.Usage.CompletionTokens);
    }

    [Fact]
    public async Task Read_AfterTheEndAndAKill_SeesTheSame()
    {
        ScriptedWorker worker = await Fabric.JoinAsync();
        GenerationRequest request = Samples.Request();
        await Fabric.AdmitAsync(request);
        (ImmutableArray<int> live, GenerationEnd end) = await Fabric.ReadAsync(request.Id);
        await worker.KillAsync();

        await Fabric.KillAndReopenAsync();
        (ImmutableArray<int> stored, GenerationEnd storedEnd) = await Fabric.ReadAsync(request.Id);

        Assert.Equal(live, stored);
        Assert.Equal(end, storedEnd);
    }

    [Fact]
    public async Task Read_UnknownGeneration_Throws() =>
        await Assert.ThrowsAsync<KeyNotFoundException>(() => Fabric.ReadAsync(GenerationId.New()));

    [Fact]
    public async Task Read_CancelledToken_EndsTheWait()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        GenerationRequest request = Samples.Request();
        await Fabric.AdmitAsync(request);
        using var left = new CancellationTokenSource();
        await using IAsyncEnumerator<GenerationEvent> events = Fabric.Generations.ReadAsync(request.Id, left.Token).GetAsyncEnumerator();
        Task waiting = events.MoveNextAsync().AsTask();

        await left.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await worker.NextAsync<ParkGeneration>();
    }

    [Fact]
    public async Task Leave_Park_GoesOnExactlyWhenAReaderComesBack()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        GenerationRequest request = await LeaveAfterAsync(worker, 2);
        await worker.StepAsync(2);
        GenerationState? parked = await Fabric.StateAsync(request);

        await using var back = new TokenReader(Fabric.Generations, request.Id);
        await back.ReadAsync(2);
        RunGeneration run = await worker.NextAsync<RunGeneration>();
        await worker.StepAsync(3);

        Assert.Equal(GenerationState.Parked, parked);
        Assert.Equal([100, 101], run.Logged.SelectMany(entry => entry.Ids));
        Assert.Equal(Samples.Answer(), (await back.ReadToEndAsync()).Ids);
    }

    [Fact]
    public async Task Leave_Park_NobodyComesBack_EndsAsCancelledWithItsUsage()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        GenerationRequest request = await LeaveAfterAsync(worker, 2, Samples.Turn());

        Fabric.Time.Advance(FabricHarness.ResumeWindow - TimeSpan.FromSeconds(1));
        GenerationState? within = await Fabric.StateAsync(request);
        Fabric.Time.Advance(TimeSpan.FromSeconds(1));
        (ImmutableArray<int> ids, GenerationEnd end) = await Fabric.ReadAsync(request.Id);

        Assert.Equal(GenerationState.Parked, within);
        Assert.Equal([100, 101], ids);
        Assert.Equal(new GenerationEnd(EndReason.Cancelled, new TokenUsage(3, 2)), end);
        Assert.Null(await Fabric.Conversations.FindAsync(request.Id, Samples.Caller, CancellationToken.None));
        Assert.Equal([new TokenUsage(3, 2)], await Fabric.UsageAsync(request.Id));
    }

    [Fact]
    public async Task Leave_OneOfTwoReaders_ChangesNothing()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        (GenerationRequest request, TokenReader stays) = await StartAsync(worker);
        await using TokenReader _ = stays;
        await worker.StepAsync();
        await using (var leaves = new TokenReader(Fabric.Generations, request.Id))
        {
            await leaves.ReadAsync(1);
            await stays.ReadAsync(1);
        }

        await worker.StepAsync(4);

        Assert.Equal(Samples.Answer(), (await stays.ReadToEndAsync()).Ids);
    }

    [Fact]
    public async Task Leave_Cancel_EndsAtOnce()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        GenerationRequest request = Samples.Request() with { OnDisconnect = DisconnectPolicy.Cancel };
        (_, TokenReader reader) = await StartAsync(worker, request);

        await worker.StepAsync();
        await reader.ReadAsync(1);
        await reader.DisposeAsync();
        await worker.NextAsync<CancelGeneration>();

        Assert.Equal(EndReason.Cancelled, (await Fabric.ReadAsync(request.Id)).End.Reason);
    }

    [Fact]
    public async Task Leave_Detach_RunsOnAndCanBeReadLater()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        GenerationRequest request = Samples.Request() with { OnDisconnect = DisconnectPolicy.Detach };
        (_, TokenReader reader) = await StartAsync(worker, request);
        await worker.StepAsync();
        await reader.ReadAsync(1);
        await reader.DisposeAsync();

        await worker.StepAsync(4);

        Assert.Equal(GenerationState.Ended, await Fabric.StateAsync(request));
        Assert.Equal(Samples.Answer(), (await Fabric.ReadAsync(request.Id)).Ids);
    }

    [Fact]
    public async Task Leave_AfterTheEndWasWritten_KeepsTheEnd()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        (GenerationRequest request, TokenReader reader) = await StartAsync(worker);
        await worker.StepAsync();
        await reader.ReadAsync(1);

        await worker.StepAsync(4);
        await reader.DisposeAsync();

        Assert.Equal(EndReason.Stop, (await Fabric.ReadAsync(request.Id)).End.Reason);
    }

    [Fact]
    public async Task Return_BeforeTheWorkerReleased_RunsAgainOnlyAfterTheRelease()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        await worker.HoldReleasesAsync();
        GenerationRequest request = await LeaveAfterAsync(worker, 2);

        await using var back = new TokenReader(Fabric.Generations, request.Id);
        await back.ReadAsync(2);
        bool toldEarly = worker.Received.TryPeek(out _);
        await worker.ReleaseHeldAsync();
        RunGeneration run = await worker.NextAsync<RunGeneration>();
        await worker.StepAsync(3);

        Assert.False(toldEarly);
        Assert.Equal(2, run.Logged.Sum(entry => entry.Ids.Length));
        Assert.Equal(Samples.Answer(), (await back.ReadToEndAsync()).Ids);
    }

    [Fact]
    public async Task Leave_WhileWaitingForAWorker_NeverReachesOne()
    {
        // Two readers come back after a restart, but there is room for one generation.
        ScriptedWorker first = await Fabric.JoinAsync(paused: true);
        GenerationRequest one = Samples.Request();
        GenerationRequest two = Samples.Request();
        await Fabric.AdmitAsync(one);
        await Fabric.AdmitAsync(two);
        await first.KillAsync();
        await Fabric.KillAndReopenAsync();
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true, maxSequences: 1, maxQueued: 0);
        await using var stays = new TokenReader(Fabric.Generations, one.Id);
        Task<(ImmutableArray<int> Ids, GenerationEnd)> reading = stays.ReadToEndAsync();
        await Fabric.WaitForAsync(one, GenerationState.Running);
        using var left = new CancellationTokenSource();
        await using IAsyncEnumerator<GenerationEvent> leaves = Fabric.Generations.ReadAsync(two.Id, left.Token).GetAsyncEnumerator();
        Task waiting = leaves.MoveNextAsync().AsTask();
        await Fabric.WaitForAsync(two, GenerationState.Queued);

        await left.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await worker.ResumeAsync();

        Assert.Equal(Samples.Answer(), (await reading).Ids);
        Assert.Equal(GenerationState.Parked, await Fabric.StateAsync(two));
        Assert.Equal(one.Id, (await worker.NextAsync<RunGeneration>()).Request.Id);
        Assert.False(worker.Received.TryPeek(out _));
    }

    [Fact]
    public async Task Cancel_Running_EndsAndCounts()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        (GenerationRequest request, TokenReader reader) = await StartAsync(worker);
        await using TokenReader _ = reader;
        await worker.StepAsync(2);

        await Fabric.Generations.CancelAsync(request.Id, Samples.Caller, CancellationToken.None);
        (ImmutableArray<int> ids, GenerationEnd end) = await reader.ReadToEndAsync();

        Assert.Equal([100, 101], ids);
        Assert.Equal(new GenerationEnd(EndReason.Cancelled, new TokenUsage(3, 2)), end);
    }

    [Fact]
    public async Task Cancel_Parked_EndsAtOnce()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        GenerationRequest request = await LeaveAfterAsync(worker, 2);

        await Fabric.Generations.CancelAsync(request.Id, Samples.Caller, CancellationToken.None);

        Assert.Equal(GenerationState.Ended, await Fabric.StateAsync(request));
    }

    [Fact]
    public async Task Cancel_WhileParking_EndsWithTheRelease()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        await worker.HoldReleasesAsync();
        GenerationRequest request = await LeaveAfterAsync(worker, 2);

        await Fabric.Generations.CancelAsync(request.Id, Samples.Caller, CancellationToken.None);
        GenerationState? before = await Fabric.StateAsync(request);
        await worker.ReleaseHeldAsync();

        Assert.Equal(GenerationState.Parked, before);
        Assert.Equal(GenerationState.Ended, await Fabric.StateAsync(request));
    }

    [Fact]
    public async Task Cancel_OtherCallerOrUnknownOrEnded_IsIgnored()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        GenerationRequest request = Samples.Request();
        await Fabric.AdmitAsync(request);

        await Fabric.Generations.CancelAsync(request.Id, "bob", CancellationToken.None);
        await Fabric.Generations.CancelAsync(GenerationId.New(), Samples.Caller, CancellationToken.None);
        await worker.NextAsync<RunGeneration>();
        await worker.StepAsync(5);
        await Fabric.Generations.CancelAsync(request.Id, Samples.Caller, CancellationToken.None);

        Assert.Equal(EndReason.Stop, (await Fabric.ReadAsync(request.Id)).End.Reason);
    }

    [Fact]
    public async Task Return_AtTheLastMoment_IsNotCancelledByTheOldWindow()
    {
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        GenerationRequest request = await LeaveAfterAsync(worker, 2);
        Fabric.Time.Advance(FabricHarness.ResumeWindow - TimeSpan.FromSeconds(1));

        await using var back = new TokenReader(Fabric.Generations, request.Id);
        await back.ReadAsync(2);
        Fabric.Time.Advance(PastTheWindow);
        await worker.NextAsync<RunGeneration>();
        await worker.StepAsync(3);

        Assert.Equal(EndReason.Stop, (await back.ReadToEndAsync()).End.Reason);
    }

    private async Task<(GenerationRequest Request, TokenReader Reader)> StartAsync(ScriptedWorker worker, GenerationRequest? request = null)
    {
        request ??= Samples.Request();
        await Fabric.AdmitAsync(request);
        await worker.NextAsync<RunGeneration>();
        return (request, new TokenReader(Fabric.Generations, request.Id));
    }

    /// <summary>Starts a generation whose only reader leaves after some tokens; returns once the worker was told.</summary>
    private async Task<GenerationRequest> LeaveAfterAsync(ScriptedWorker worker, int tokens, GenerationRequest? start = null)
    {
        (GenerationRequest request, TokenReader reader) = await StartAsync(worker, start);
        await worker.StepAsync(tokens);
        await reader.ReadAsync(tokens);
        await reader.DisposeAsync();
        await worker.NextAsync<ParkGeneration>();
        return request;
    }
}
