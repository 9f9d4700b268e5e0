using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Logs;

namespace GlmCluster.Grains.Tests.Logs;

public sealed class TokenLogTests
{
    private static readonly GenerationId Id = GenerationId.New();
    private readonly ReaderWaker _waker = new();

    [Fact]
    public async Task Follow_RandomEntriesAndReaders_SeeTheSame()
    {
        // Two choices, entries of 1 to 5 ids, readers that join at random moments.
        var random = new Random(20260101);
        var log = new TokenLog();
        var expected = new List<(int Choice, int Id)>();
        var readers = new List<Task<List<(int Choice, int Id)>>>();
        for (int step = 0; step < 2000; step++)
        {
            if (step % 500 == 0)
            {
                readers.Add(Task.Run(() => ReadAsync(log)));
            }

            int choice = random.Next(2);
            ImmutableArray<int> ids = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.Next(1000))];
            log.Append(new LogEntry(Id, log.Count + 1, choice, ids), _waker);
            _waker.Wake();
            expected.AddRange(ids.Select(id => (choice, id)));
        }

        log.End(new GenerationEnd(EndReason.Stop, new TokenUsage(1, 1)));

        foreach (List<(int, int)> seen in await Task.WhenAll(readers))
        {
            Assert.Equal(expected, seen);
        }

        Assert.Equal(expected, log.ToEntries(Id).SelectMany(entry => entry.Ids.Select(id => (entry.Choice, id))));
    }

    [Fact]
    public void Unsaved_AfterMarkSaved_GivesTheRest()
    {
        var log = new TokenLog();
        log.Append(new LogEntry(Id, 1, 0, [1, 2, 3]), _waker);
        (_, int saved) = log.Unsaved(Id);
        log.Append(new LogEntry(Id, 4, 0, [4, 5]), _waker);

        log.MarkSaved(saved);
        (ImmutableArray<LogEntry> rest, int count) = log.Unsaved(Id);

        LogEntry entry = Assert.Single(rest);
        Assert.Equal((4, 5), (entry.FirstSeq, count));
        Assert.Equal([4, 5], entry.Ids);
    }

    [Fact]
    public async Task Follow_WithLogprobs_GivesEachTokenItsOwn()
    {
        var log = new TokenLog();
        for (int seq = 1; seq <= 40; seq += 2)
        {
            log.Append(new LogEntry(Id, seq, seq % 4 / 2, [seq, seq + 1], [-seq, -seq - 1], seq == 39 ? new ChoiceEnd(EndReason.Stop, 19) : null)
            {
                TopLogprobs = [new(seq, -seq), new(1, 0), new(seq + 1, -seq - 1), new(2, 0)],
            }, _waker);
        }

        log.Append(new LogEntry(Id, 40, 1, [40, 41], [-40, -41], TopLogprobs: [new(40, -40), new(2, 0), new(41, -41), new(1, 0)]), _waker);
        log.End(new GenerationEnd(EndReason.Stop, new TokenUsage(1, 1)));

        var seen = new List<(int Id, float Logprob)>();
        await foreach (GenerationEvent next in log.FollowAsync(CancellationToken.None))
        {
            if (next is TokensAppended tokens)
            {
                Assert.Equal(tokens.FirstSeq == 39, tokens.End is not null);
                Assert.Equal(tokens.Ids.Length * 2, tokens.TopLogprobs.Length);
                seen.AddRange(tokens.Ids.ToArray().Zip(tokens.Logprobs.ToArray()));
                for (int i = 0; i < tokens.Ids.Length; i++)
                {
                    Assert.Equal(new TokenLogprob(tokens.Ids.Span[i], tokens.Logprobs.Span[i]), tokens.TopLogprobs.Span[2 * i]);
                }
            }
        }

        Assert.Equal(Enumerable.Range(1, 41).Select(id => (id, (float)-id)), seen);
    }

    [Fact]
    public void Agrees_OtherChoiceAtTheSamePlace_DoesNot()
    {
        var log = new TokenLog();
        log.Append(new LogEntry(Id, 1, 0, [1]), _waker);
        log.Append(new LogEntry(Id, 2, 1, [2]), _waker);

        Assert.True(log.Agrees(new LogEntry(Id, 2, 1, [2, 3])));
        Assert.False(log.Agrees(new LogEntry(Id, 2, 0, [2, 3])));
        Assert.False(log.Agrees(new LogEntry(Id, 1, 0, [9])));
    }

    [Fact]
    public async Task Follow_ClosedBeforeTheEnd_Throws()
    {
        var log = new TokenLog();
        Task<List<(int, int)>> reading = ReadAsync(log);

        log.Close();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => reading);
    }

    [Fact]
    public void Append_WithAWaitingReader_AllocatesOnlyForGrowth()
    {
        const int Tokens = 10_000;
        var log = new TokenLog();
        LogEntry[] entries = [.. Enumerable.Range(1, Tokens).Select(seq => new LogEntry(Id, seq, 0, [seq]))];
        ValueTask<bool> _ = log.FollowAsync(CancellationToken.None).GetAsyncEnumerator().MoveNextAsync();
        log.Append(entries[0], _waker);

        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (LogEntry entry in entries.AsSpan(1))
        {
            log.Append(entry, _waker);
        }

        // Doubling from 16 to 16,384 ids of four bytes: 128 KiB in all.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 140_000);
    }

    private static async Task<List<(int Choice, int Id)>> ReadAsync(TokenLog log)
    {
        var seen = new List<(int, int)>();
        await foreach (GenerationEvent next in log.FollowAsync(CancellationToken.None))
        {
            if (next is TokensAppended tokens)
            {
                Assert.Equal(seen.Count + 1, tokens.FirstSeq);
                foreach (int id in tokens.Ids.Span)
                {
                    seen.Add((tokens.Choice, id));
                }
            }
        }

        return seen;
    }
}
