using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Tests.Contracts;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.Postgres;

/// <summary>A worker that drains: what it runs goes to others without a pause, in an order that these tests make visible.</summary>
public sealed class HandoverTests : IAsyncLifetime
{
    private const int AnswerTokens = 100;

    private readonly PostgresHarness _fabric = new();
    private readonly GenerationRequest _request = Samples.Turn();
    private readonly CancellationTokenSource _timeIsUp = new();
    private ScriptedWorker _old = null!;
    private TokenReader _reader = null!;

    public async ValueTask InitializeAsync()
    {
        await _fabric.OpenAsync();
        _old = await _fabric.JoinAsync(paused: true, answerTokens: AnswerTokens);
        await _fabric.AdmitAsync(_request);
        _reader = new TokenReader(_fabric.Generations, _request.Id);
        await _old.NextAsync<RunGeneration>();
        await _old.StepAsync(3);
        await _reader.ReadAsync(3);
    }

    public async ValueTask DisposeAsync()
    {
        await _reader.DisposeAsync();
        await _old.DisposeAsync();
        await _fabric.DisposeAsync();
        _timeIsUp.Dispose();
    }

    [Fact]
    public async Task Drain_OldWorkerWritesOnUntilTheOtherHasPrepared_ThenThatGoesOn()
    {
        await using ScriptedWorker next = await JoinAsync();
        Task draining = DrainAsync();

        PrepareGeneration prepare = await next.NextAsync<PrepareGeneration>();
        await _old.StepAsync(5);
        await _reader.ReadAsync(8);
        GenerationState? whilePreparing = await _fabric.StateAsync(_request);
        bool isRunThereEarly = next.Received.TryPeek(out _);

        // A worker with nothing to do would be given anything but what another one has prepared.
        await using ScriptedWorker idle = await JoinAsync();
        await _fabric.AdmitAsync(Samples.Request());
        await next.NextAsync<RunGeneration>();
        await next.Session.PreparedAsync(_request.Id, CancellationToken.None);
        RunGeneration run = await next.NextAsync<RunGeneration>();
        await next.ResumeAsync();
        (IReadOnlyList<int> ids, GenerationEnd end) = await _reader.ReadToEndAsync();
        await FinishAsync(draining);

        Assert.False(idle.Received.TryPeek(out _));
        Assert.Equal(3, Tokens(prepare.Logged));
        Assert.Equal((GenerationState.Running, false), (whilePreparing, isRunThereEarly));
        Assert.Equal((8, false), (Tokens(run.Logged), run.Suspect));
        Assert.Equal(Samples.Answer(AnswerTokens), ids);
        Assert.Equal([new TokenUsage(3, AnswerTokens)], await _fabric.UsageAsync(_request.Id));
        Assert.Equal(EndReason.Stop, end.Reason);
    }

    [Fact]
    public async Task Prepared_LogGrewMuchMeanwhile_IsPreparedAgainFirst()
    {
        await using ScriptedWorker next = await JoinAsync();
        Task draining = DrainAsync();
        await next.NextAsync<PrepareGeneration>();
        await _old.StepAsync(50);

        PrepareGeneration? again = await next.Session.PreparedAsync(_request.Id, CancellationToken.None);
        PrepareGeneration? nothing = await next.Session.PreparedAsync(_request.Id, CancellationToken.None);

        Assert.Equal((53, null), (Tokens(again!.Logged), nothing));
        Assert.Equal(53, Tokens((await next.NextAsync<RunGeneration>()).Logged));
        await FinishAsync(draining);
    }

    [Fact]
    public async Task Drain_TakesNothingNew()
    {
        Task draining = DrainAsync();
        while ((await _fabric.Generations.AdmitAsync(Samples.Request(), CancellationToken.None)) is Admitted)
        {
            await Task.Yield(); // until the drain has begun
        }

        Assert.Equal(GenerationFaultCode.Unavailable, (await _fabric.RefuseAsync(Samples.Request())).Code);
        await using ScriptedWorker next = await JoinAsync();
        GenerationRequest young = Samples.Request();
        await _fabric.AdmitAsync(young);
        while ((await next.NextAsync<RunGeneration>()).Request.Id != young.Id)
        {
        }

        await _timeIsUp.CancelAsync();
        await draining;
    }

    [Theory]
    [InlineData("other class", 64)]
    [InlineData(null, 0)]
    public async Task Drain_NobodySuits_RunsOnThere(string? numericsClass, int maxSequences)
    {
        await using ScriptedWorker other = await _fabric.JoinAsync(
            paused: true, FabricHarness.Model with { NumericsClass = numericsClass }, maxSequences);
        Task draining = DrainAsync();
        for (int i = 0; i < 5; i++)
        {
            _fabric.Time.Advance(TimeSpan.FromSeconds(1));
        }

        await _old.ResumeAsync();
        (IReadOnlyList<int> ids, _) = await _reader.ReadToEndAsync();
        await FinishAsync(draining);

        Assert.Equal(Samples.Answer(AnswerTokens), ids);
        Assert.False(other.Received.TryPeek(out _));
    }

    [Fact]
    public async Task Drain_TimeIsUp_LeavingGivesAwayWhatIsLeft()
    {
        Task draining = DrainAsync();
        await _timeIsUp.CancelAsync();
        await draining;
        await using ScriptedWorker next = await JoinAsync();
        await _old.Session.DisposeAsync();

        Assert.Equal(3, Tokens((await next.NextAsync<RunGeneration>()).Logged));
    }

    [Fact]
    public async Task Drain_SuccessorDies_AnotherOnePrepares()
    {
        await using ScriptedWorker first = await JoinAsync();
        Task draining = DrainAsync();
        await first.NextAsync<PrepareGeneration>();
        await using ScriptedWorker second = await JoinAsync();

        await _fabric.Workers.TakeOverAsync(first.Session.Incarnation, CancellationToken.None);
        Task<PrepareGeneration> prepared = second.NextAsync<PrepareGeneration>();
        await FinishAsync(prepared);
        await second.Session.PreparedAsync(_request.Id, CancellationToken.None);

        Assert.Equal(3, Tokens((await second.NextAsync<RunGeneration>()).Logged));
        await FinishAsync(draining);
    }

    [Fact]
    public async Task Switch_ReaderLeavesMeanwhile_IsParkedForAWholeWindow()
    {
        await using ScriptedWorker next = await JoinAsync();
        Task draining = DrainAsync();
        await next.NextAsync<PrepareGeneration>();
        await _old.HoldReleasesAsync();
        await next.Session.PreparedAsync(_request.Id, CancellationToken.None);
        await _old.NextAsync<ParkGeneration>();
        _fabric.Time.Advance(TimeSpan.FromHours(1));

        await _reader.DisposeAsync();
        await _old.ReleaseHeldAsync();
        _fabric.Time.Advance(FabricHarness.ResumeWindow - TimeSpan.FromSeconds(1));

        Assert.Equal(GenerationState.Parked, await _fabric.StateAsync(_request));
        Assert.False(next.Received.TryPeek(out _));
        await FinishAsync(draining);
    }

    private Task<ScriptedWorker> JoinAsync() => _fabric.JoinAsync(paused: true, answerTokens: AnswerTokens);

    private Task DrainAsync() => _old.Session.DrainAsync(_timeIsUp.Token).AsTask();

    /// <summary>Lets time pass until something is done that looks again and again.</summary>
    private async Task FinishAsync(Task task)
    {
        while (!task.IsCompleted)
        {
            _fabric.Time.Advance(TimeSpan.FromMilliseconds(200));
            await Task.Yield();
        }

        await task;
    }

    private static int Tokens(IEnumerable<LogEntry> entries) => entries.Sum(entry => entry.Ids.Length);
}
