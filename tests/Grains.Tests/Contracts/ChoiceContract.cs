using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.Contracts;

/// <summary>What every fabric promises about generations of several choices, and about logprobs in the log.</summary>
public abstract class ChoiceContract(FabricHarness harness) : FabricContract(harness)
{
    private readonly GenerationRequest _request = Samples.Turn() with { Choices = 2, TopLogprobs = 2 };

    [Fact]
    public async Task Read_Live_SeesEachChoiceWithItsLogprobsAndItsEnd()
    {
        IWorkerSession worker = await StartAsync();
        await using var reader = Fabric.Generations.ReadAsync(_request.Id, CancellationToken.None).GetAsyncEnumerator();

        await AppendAsync(worker, 1, Entry(1, 0, 101), Entry(2, 1, 201, new ChoiceEnd(EndReason.Length, 1)));
        await reader.MoveNextAsync();
        var first = (TokensAppended)reader.Current;
        Assert.Equal((1, 0, 101, null), (first.FirstSeq, first.Choice, first.Ids.Span[0], first.End));
        await reader.MoveNextAsync();
        var second = (TokensAppended)reader.Current;

        Assert.Equal((2, 1, new ChoiceEnd(EndReason.Length, 1)), (second.FirstSeq, second.Choice, second.End));
        Assert.Equal([-2.01f], second.Logprobs.ToArray());
        Assert.Equal([new TokenLogprob(201, -2.01f), new TokenLogprob(7, -3)], second.TopLogprobs.ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Read_AfterAKill_SeesTheSame(bool ended)
    {
        IWorkerSession worker = await StartAsync();
        ImmutableArray<LogEntry> log = [Entry(1, 0, 101), Entry(2, 1, 201, new ChoiceEnd(EndReason.Stop, 0)), Entry(3, 0, 102)];
        await AppendAsync(worker, 1, log[..2]);
        await AppendAsync(worker, 2, log[2]);
        await Fabric.FlushLogAsync();
        if (ended)
        {
            await worker.EndAsync(End(worker, keptTokens: 2), CancellationToken.None);
        }

        await Fabric.KillAndReopenAsync();

        await AssertLogAsync(log, ended);
        if (ended)
        {
            Conversation? conversation = await Fabric.Conversations.FindAsync(_request.Id, Samples.Caller, CancellationToken.None);
            Assert.Equal([101, 102], conversation?.Turns[0].AnswerIds);
            Assert.Equal([new TokenUsage(3, 3)], await Fabric.UsageAsync(_request.Id));
        }
    }

    [Fact]
    public async Task TakeOver_GivesTheHeirEveryChoicesTokensAndEnds()
    {
        IWorkerSession stale = await StartAsync();
        await AppendAsync(stale, 1, Entry(1, 0, 101), Entry(2, 1, 201, new ChoiceEnd(EndReason.Stop, 0)), Entry(3, 0, 102));
        await using var reader = new TokenReader(Fabric.Generations, _request.Id);
        await reader.ReadAsync(3);
        await using ScriptedWorker heir = await Fabric.JoinAsync();

        await Fabric.Workers.TakeOverAsync(stale.Incarnation, CancellationToken.None);
        ImmutableArray<LogEntry> logged = (await heir.NextAsync<RunGeneration>()).Logged;

        Assert.Equal([101, 102], logged.Where(entry => entry.Choice == 0).SelectMany(entry => entry.Ids));
        Assert.Equal([201], logged.Where(entry => entry.Choice == 1).SelectMany(entry => entry.Ids));
        Assert.Equal([new ChoiceEnd(EndReason.Stop, 0)], logged.Where(entry => entry.Choice == 1).Select(entry => entry.End));
        Assert.All(logged.Where(entry => entry.Choice == 0), entry => Assert.Null(entry.End));
        (ImmutableArray<int> ids, GenerationEnd end) = await reader.ReadToEndAsync();
        Assert.Equal([101, 201, 102, .. Samples.Answer()[2..]], ids);
        Assert.Equal(6, end.Usage.CompletionTokens);
    }

    [Fact]
    public async Task Append_OneFrameWithTurnsOfTheChoices_IsWritten()
    {
        IWorkerSession worker = await StartAsync();

        LogWriteResult result = await AppendAsync(worker, 1, Entry(1, 0, 101), Entry(2, 1, 201), Entry(3, 0, 102), Entry(4, 1, 202));

        Assert.Equal(LogWriteResult.Written, result);
        GenerationSnapshot? snapshot = await Fabric.Generations.FindAsync(_request.Id, Samples.Caller, CancellationToken.None);
        Assert.Equal(4, snapshot?.LoggedTokens);
    }

    [Fact]
    public async Task Append_LogprobsThatAreNotAsAskedFor_IsRefused()
    {
        IWorkerSession worker = await StartAsync();
        LogEntry entry = Entry(1, 0, 101);

        Assert.Equal(LogWriteResult.Refused, await AppendAsync(worker, 1, entry with { Logprobs = default }));
        Assert.Equal(LogWriteResult.Refused, await AppendAsync(worker, 1, entry with { TopLogprobs = entry.TopLogprobs[..1] }));
        Assert.Equal(LogWriteResult.Written, await AppendAsync(worker, 1, entry));
    }

    [Fact]
    public async Task Append_ChoiceThatWasNotAskedFor_IsRefused()
    {
        IWorkerSession worker = await StartAsync();

        Assert.Equal(LogWriteResult.Refused, await AppendAsync(worker, 1, Entry(1, 2, 101)));
        Assert.Equal(LogWriteResult.Refused, await AppendAsync(worker, 1, Entry(1, -1, 101)));
        Assert.Equal(LogWriteResult.Written, await AppendAsync(worker, 1, Entry(1, 1, 101)));
    }

    private async Task<IWorkerSession> StartAsync()
    {
        IWorkerSession worker = await Fabric.JoinByHandAsync();
        await Fabric.AdmitAsync(_request);
        return worker;
    }

    private LogEntry Entry(long firstSeq, int choice, int id, ChoiceEnd? end = null) =>
        new(_request.Id, firstSeq, choice, [id], [-id / 100f], end, [new(id, -id / 100f), new(7, -3)]);

    private EndOfGeneration End(IWorkerSession worker, int keptTokens) =>
        new(worker.Incarnation, [], _request.Id, new GenerationEnd(EndReason.Stop, new TokenUsage(3, 3)), keptTokens);

    private static async Task<LogWriteResult> AppendAsync(IWorkerSession worker, long number, params ImmutableArray<LogEntry> entries) =>
        await worker.AppendAsync(new LogFrame(worker.Incarnation, number, entries), CancellationToken.None);

    private async Task AssertLogAsync(ImmutableArray<LogEntry> expected, bool ended)
    {
        await using var reader = Fabric.Generations.ReadAsync(_request.Id, CancellationToken.None).GetAsyncEnumerator();
        foreach (LogEntry entry in expected)
        {
            Assert.True(await reader.MoveNextAsync());
            var tokens = Assert.IsType<TokensAppended>(reader.Current);
            Assert.Equal((entry.FirstSeq, entry.Choice, entry.End), (tokens.FirstSeq, tokens.Choice, tokens.End));
            Assert.Equal(entry.Ids, tokens.Ids.ToArray());
            Assert.Equal(entry.Logprobs, tokens.Logprobs.ToArray());
            Assert.Equal(entry.TopLogprobs, tokens.TopLogprobs.ToArray());
        }

        if (ended)
        {
            Assert.True(await reader.MoveNextAsync());
            Assert.IsType<GenerationEnded>(reader.Current);
        }
    }
}
