using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.Contracts;

/// <summary>What every fabric promises after a process was killed.</summary>
public abstract class RecoveryContract(FabricHarness harness) : FabricContract(harness)
{
    [Fact]
    public async Task Kill_WhileRunning_ParksAndGoesOnFromWhatWasStored()
    {
        GenerationRequest request = await KillAfterAsync(Samples.Turn(), storedTokens: 2, lostTokens: 1);
        GenerationState? state = await Fabric.StateAsync(request);
        await using ScriptedWorker worker = await Fabric.JoinAsync();

        (ImmutableArray<int> ids, GenerationEnd end) = await Fabric.ReadAsync(request.Id);

        Assert.Equal(GenerationState.Parked, state);
        RunGeneration run = await worker.NextAsync<RunGeneration>();
        Assert.Equal(Samples.Answer().Take(Fabric.LosesTailOnKill ? 2 : 3), run.Logged.SelectMany(entry => entry.Ids));
        Assert.Equal(request.PromptIds, run.Request.PromptIds);
        Assert.Equal(Samples.Answer(), ids);
        Assert.Equal(new TokenUsage(3, 5), end.Usage);
        Assert.Single((await Fabric.Conversations.FindAsync(request.Id, Samples.Caller, CancellationToken.None))!.Turns);
        Assert.Equal([new TokenUsage(3, 5)], await Fabric.UsageAsync(request.Id));
    }

    [Fact]
    public async Task Kill_NobodyComesBack_EndsAsCancelledAfterAFreshWindow()
    {
        GenerationRequest request = await KillAfterAsync(Samples.Request(), storedTokens: 2, lostTokens: 0);

        Fabric.Time.Advance(FabricHarness.ResumeWindow - TimeSpan.FromSeconds(1));
        GenerationState? within = await Fabric.StateAsync(request);
        Fabric.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(GenerationState.Parked, within);
        Assert.Equal(new GenerationEnd(EndReason.Cancelled, new TokenUsage(3, 2)), (await Fabric.ReadAsync(request.Id)).End);
    }

    [Fact]
    public async Task Kill_ReaderBeforeTheWorker_WaitsForTheRightWeights()
    {
        GenerationRequest request = await KillAfterAsync(Samples.Request(), storedTokens: 1, lostTokens: 0);
        await using ScriptedWorker wrong = await Fabric.JoinAsync(card: SampleModel.Card(weights: "v2"));
        await using var reader = new TokenReader(Fabric.Generations, request.Id);
        await reader.ReadAsync(1);

        await using ScriptedWorker right = await Fabric.JoinAsync();

        Assert.Equal(Samples.Answer(), (await reader.ReadToEndAsync()).Ids);
        Assert.False(wrong.Received.TryPeek(out _));
    }

    [Fact]
    public async Task Kill_ReaderAndNoWorker_FailsAfterTheWindow()
    {
        GenerationRequest request = await KillAfterAsync(Samples.Request(), storedTokens: 1, lostTokens: 0);
        await using var reader = new TokenReader(Fabric.Generations, request.Id);
        await reader.ReadAsync(1);

        Fabric.Time.Advance(FabricHarness.ResumeWindow);

        Assert.Equal(GenerationFaultCode.Unavailable, (await reader.ReadToEndAsync()).End.Fault?.Code);
    }

    [Fact]
    public async Task Kill_Detached_RunsOnWithoutAReader()
    {
        GenerationRequest request = await KillAfterAsync(
            Samples.Request() with { OnDisconnect = DisconnectPolicy.Detach }, storedTokens: 2, lostTokens: 0);
        Fabric.Time.Advance(2 * FabricHarness.ResumeWindow);

        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        await worker.NextAsync<RunGeneration>();
        await worker.StepAsync(3);

        Assert.Equal(GenerationState.Ended, await Fabric.StateAsync(request));
        Assert.Equal(Samples.Answer(), (await Fabric.ReadAsync(request.Id)).Ids);
    }

    [Fact]
    public async Task Kill_WhileRunning_KeepsItsConversationReserved()
    {
        GenerationRequest request = await KillAfterAsync(Samples.Turn(), storedTokens: 1, lostTokens: 0);
        await using ScriptedWorker worker = await Fabric.JoinAsync();

        GenerationFault busy = await Fabric.RefuseAsync(Samples.Turn(request.Id));
        await Fabric.ReadAsync(request.Id);

        Assert.Equal(GenerationFaultCode.ConversationBusy, busy.Code);
        await Fabric.AnswerAsync(Samples.Turn(request.Id, index: 1));
    }

    [Fact]
    public async Task Kill_Twice_GoesOnFromAllThatWasStored()
    {
        GenerationRequest request = await KillAfterAsync(Samples.Request(), storedTokens: 2, lostTokens: 1);
        ScriptedWorker second = await Fabric.JoinAsync(paused: true);
        TokenReader reader = new(Fabric.Generations, request.Id);
        await reader.ReadAsync(2);
        await second.NextAsync<RunGeneration>();
        await second.StepAsync();
        await Fabric.FlushLogAsync();
        await second.KillAsync();

        await Fabric.KillAndReopenAsync();
        await using ScriptedWorker third = await Fabric.JoinAsync();

        Assert.Equal(Samples.Answer(), (await Fabric.ReadAsync(request.Id)).Ids);
        Assert.Equal(Fabric.LosesTailOnKill ? 3 : 4, (await third.NextAsync<RunGeneration>()).Logged.Sum(entry => entry.Ids.Length));
    }

    [Fact]
    public async Task Kill_Choices_AreReplayedApart()
    {
        IWorkerSession dead = await Fabric.JoinByHandAsync();
        GenerationRequest request = Samples.Request() with { Choices = 2 };
        await Fabric.AdmitAsync(request);
        ImmutableArray<LogEntry> entries =
        [
            new(request.Id, 1, 0, [101], End: new ChoiceEnd(EndReason.Length, 1)),
            new(request.Id, 2, 1, [201, 202]),
        ];
        await dead.AppendAsync(new LogFrame(dead.Incarnation, 1, entries), CancellationToken.None);
        await Fabric.FlushLogAsync();

        await Fabric.KillAndReopenAsync();
        await using ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        await using var reader = new TokenReader(Fabric.Generations, request.Id);
        await using IAsyncEnumerator<GenerationEvent> events = Fabric.Generations.ReadAsync(request.Id, CancellationToken.None).GetAsyncEnumerator();
        await events.MoveNextAsync();
        RunGeneration run = await worker.NextAsync<RunGeneration>();

        Assert.Equal(
            entries.Select(entry => (entry.FirstSeq, entry.Choice, entry.Ids.Length, entry.End)),
            run.Logged.Select(entry => (entry.FirstSeq, entry.Choice, entry.Ids.Length, entry.End)));
    }

    /// <summary>Runs a generation, kills the process, and opens the fabric again without a worker.</summary>
    private async Task<GenerationRequest> KillAfterAsync(GenerationRequest request, int storedTokens, int lostTokens)
    {
        ScriptedWorker worker = await Fabric.JoinAsync(paused: true);
        await Fabric.AdmitAsync(request);
        await worker.NextAsync<RunGeneration>();
        await worker.StepAsync(storedTokens);
        await Fabric.FlushLogAsync();
        await worker.StepAsync(lostTokens);
        await worker.KillAsync();
        await Fabric.KillAndReopenAsync();
        return request;
    }
}
