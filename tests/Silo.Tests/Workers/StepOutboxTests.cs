using GlmCluster.Engine.Sequences;
using GlmCluster.Silo.Workers;
using GlmCluster.TestKit;

namespace GlmCluster.Silo.Tests.Workers;

public sealed class StepOutboxTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public async Task Take_StepsWithinOnePace_ComeTogetherWhenItIsOver()
    {
        using StepOutbox outbox = await StartedAsync();

        outbox.Add([Token(2)]);
        ValueTask<IReadOnlyList<SequenceUpdate>?> taking = outbox.TakeAsync();
        outbox.Add([Token(3)]);

        Assert.False(taking.IsCompleted);
        _time.Advance(StepOutbox.Pace);
        Assert.Equal([2, 3], (await taking)!.Select(update => update.Index));
    }

    [Theory]
    [InlineData(1, SequenceEnd.None)]
    [InlineData(3, SequenceEnd.Stop)]
    [InlineData(3, SequenceEnd.Removed)]
    public async Task Take_SequenceStartsOrEnds_DoesNotWait(int index, SequenceEnd end)
    {
        using StepOutbox outbox = await StartedAsync();

        outbox.Add([Token(2)]);
        outbox.Add([Token(index) with { End = end }]);

        Assert.Equal([2, index], (await outbox.TakeAsync())!.Select(update => update.Index));
    }

    [Fact]
    public async Task Take_StepsSlowerThanThePace_EachAtOnce()
    {
        using StepOutbox outbox = await StartedAsync();
        for (int index = 2; index < 5; index++)
        {
            _time.Advance(StepOutbox.Pace);

            outbox.Add([Token(index)]);

            Assert.Equal(index, Assert.Single((await outbox.TakeAsync())!).Index);
        }
    }

    [Fact]
    public async Task Complete_WithinAPace_WhatWasAddedIsTakenBeforeTheEnd()
    {
        using StepOutbox outbox = await StartedAsync();
        outbox.Add([Token(2)]);

        outbox.Complete(new InvalidOperationException("broken"));

        Assert.Equal(2, Assert.Single((await outbox.TakeAsync())!).Index);
        await Assert.ThrowsAsync<InvalidOperationException>(() => outbox.TakeAsync().AsTask());
    }

    [Fact]
    public async Task Add_WithinAPace_AllocatesNothing()
    {
        using StepOutbox outbox = await StartedAsync();
        SequenceUpdate[] step = [.. Enumerable.Repeat(Token(2), 100)];
        await GrowAsync(outbox, step);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            outbox.Add(step);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static SequenceUpdate Token(int index) => new() { TokenId = 7, Index = index };

    /// <summary>Makes both buffers as large as ten steps, and starts a pace with its timer running.</summary>
    private async Task GrowAsync(StepOutbox outbox, SequenceUpdate[] step)
    {
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < 11; i++)
            {
                outbox.Add(step);
            }

            _time.Advance(StepOutbox.Pace);
            await outbox.TakeAsync();
        }

        outbox.Add([Token(2)]);
    }

    /// <summary>An outbox whose pace begins now.</summary>
    private async Task<StepOutbox> StartedAsync()
    {
        var outbox = new StepOutbox(_time);
        outbox.Add([Token(1)]);
        Assert.Single((await outbox.TakeAsync())!);
        return outbox;
    }
}
