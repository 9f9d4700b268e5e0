using System.Collections.Immutable;
using GlmCluster.Engine.Embeddings;

namespace GlmCluster.Engine.Tests.Embeddings;

public sealed class EmbeddingEngineTests
{
    [Fact]
    public async Task TryEmbed_ManyCallersAtOnce_EachTextAsAlone()
    {
        using var encoder = new TestEncoder(TestEncoder.NanoFolder, threads: 2);
        ImmutableArray<ImmutableArray<int>>[] requests = [.. Enumerable.Range(1, 12).Select(n => Texts([.. Enumerable.Range(1, n).Select(i => 1 + (i * 31 % 300))]))];
        float[][][] alone = [.. requests.Select(texts => texts.Select(text => encoder.Embed([.. text])[0]).ToArray())];
        using var engine = new EmbeddingEngine(encoder.Runner, encoder.Recipe, new EmbeddingEngineOptions { StepTokens = 256 });

        Task<ImmutableArray<ReadOnlyMemory<float>>>[] asked = [.. requests.Select((texts, i) => Ask(engine, $"caller {i % 3}", texts))];
        ImmutableArray<ReadOnlyMemory<float>>[] found = await Task.WhenAll(asked);

        for (int i = 0; i < requests.Length; i++)
        {
            Assert.Equal(alone[i].SelectMany(vector => vector), found[i].SelectMany(vector => vector.ToArray()));
        }
    }

    [Fact]
    public async Task TryEmbed_QueueFull_RefusedUntilWhatWaitsIsGivenUp()
    {
        using var encoder = new TestEncoder(TestEncoder.NanoFolder);
        using var engine = new EmbeddingEngine(encoder.Runner, encoder.Recipe, new EmbeddingEngineOptions { MaxQueuedRequests = 1 });
        using var cancellation = new CancellationTokenSource();
        ImmutableArray<ImmutableArray<int>> large = Texts([.. Enumerable.Repeat(512, 2000)]);
        Assert.True(engine.TryEmbed("a", large, cancellation.Token, out Task<ImmutableArray<ReadOnlyMemory<float>>>? first, out _));

        Assert.False(engine.TryEmbed("b", Texts(3), TestContext.Current.CancellationToken, out _, out TimeSpan wait));
        Assert.InRange(wait, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Task<ImmutableArray<ReadOnlyMemory<float>>>? second;
        while (!engine.TryEmbed("b", Texts(3), TestContext.Current.CancellationToken, out second, out _))
        {
            await Task.Yield();
        }

        Assert.Single(await second);
    }

    [Fact]
    public void TryEmbed_TextTooLongOrIdUnknown_Throws()
    {
        using var encoder = new TestEncoder(TestEncoder.NanoFolder);
        using var engine = new EmbeddingEngine(encoder.Runner, encoder.Recipe, new EmbeddingEngineOptions());

        Assert.Throws<ArgumentException>(() => engine.TryEmbed("a", Texts(513), CancellationToken.None, out _, out _));
        Assert.Throws<ArgumentException>(() => engine.TryEmbed("a", [[21128]], CancellationToken.None, out _, out _));
        Assert.Throws<ArgumentException>(() => engine.TryEmbed("a", [[]], CancellationToken.None, out _, out _));
    }

    [Fact]
    public void TryTake_CallerThatCameLater_IsServedNext()
    {
        var queue = new EmbeddingQueue();
        var large = new EmbeddingJob("a", Texts([.. Enumerable.Repeat(10, 100)]), CancellationToken.None);
        var small = new EmbeddingJob("b", Texts(5, 8), CancellationToken.None);
        queue.Add(large);
        List<EmbeddingText> first = [Take(queue), Take(queue), Take(queue)];
        queue.Add(small);

        EmbeddingText[] then = [Take(queue), Take(queue), Take(queue)];

        Assert.All(first, text => Assert.Same(large, text.Job));
        Assert.Contains(then, text => text.Job == small && text.Ids.Length == 8); // the longest of its own first
        Assert.Equal(1013, queue.Tokens);
        Assert.False(queue.TryTake(room: 4, out _));
    }

    private static EmbeddingText Take(EmbeddingQueue queue) => queue.TryTake(100, out EmbeddingText text) ? text : throw new InvalidOperationException();

    private static Task<ImmutableArray<ReadOnlyMemory<float>>> Ask(EmbeddingEngine engine, string caller, ImmutableArray<ImmutableArray<int>> texts) =>
        engine.TryEmbed(caller, texts, TestContext.Current.CancellationToken, out Task<ImmutableArray<ReadOnlyMemory<float>>>? vectors, out _)
            ? vectors
            : throw new InvalidOperationException("The queue is full.");

    private static ImmutableArray<ImmutableArray<int>> Texts(params int[] lengths) =>
        [.. lengths.Select(length => Enumerable.Range(0, length).Select(i => 300 + (i * 7919 % 20000)).ToImmutableArray())];
}
