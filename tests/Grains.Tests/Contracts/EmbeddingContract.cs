using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Grains.Tests.Contracts;

/// <summary>Embedding requests: they find a worker, come back bit for bit, and leave nothing behind.</summary>
public abstract class EmbeddingContract(FabricHarness harness) : FabricContract(harness)
{
    [Fact]
    public async Task Embed_WorkerThere_VectorsInOrderBitForBit()
    {
        await using IEmbeddingSession session = await JoinAsync(new ScriptedEmbedder());
        EmbeddingRequest request = ScriptedEmbedder.Request([1, 2, 3], [7], [10, 11]);

        var outcome = Assert.IsType<Embedded>(await EmbedAsync(request));

        Assert.Equal(
            ScriptedEmbedder.Answer(request).Vectors.SelectMany(vector => vector.ToArray()).Select(BitConverter.SingleToInt32Bits),
            outcome.Vectors.SelectMany(vector => vector.ToArray()).Select(BitConverter.SingleToInt32Bits));
    }

    [Fact]
    public async Task Join_Embedder_ItsCardIsOfferedUntilItLeaves()
    {
        IEmbeddingSession session = await JoinAsync(new ScriptedEmbedder());
        Assert.Equal(3, Assert.Single(Fabric.Models.Offered).Embedding!.Dimensions);

        await session.DisposeAsync();

        Assert.Empty(Fabric.Models.Offered);
        var refused = Assert.IsType<EmbeddingRefused>(await EmbedAsync(ScriptedEmbedder.Request([1])));
        Assert.Equal(GenerationFaultCode.Unavailable, refused.Fault.Code);
        Assert.NotNull(refused.Fault.RetryAfter);
    }

    [Fact]
    public async Task Embed_WorkerRefuses_ItsFaultComesBack()
    {
        var fault = new GenerationFault(GenerationFaultCode.Overloaded, "Full.", TimeSpan.FromSeconds(7));
        await using IEmbeddingSession session = await JoinAsync(new ScriptedEmbedder { Fault = fault });

        Assert.Equal(new EmbeddingRefused(fault), await EmbedAsync(ScriptedEmbedder.Request([1])));
    }

    [Fact]
    public async Task Embed_GivenUp_WorkerIsTold()
    {
        var embedder = new ScriptedEmbedder { Waits = true };
        await using IEmbeddingSession session = await JoinAsync(embedder);
        using var cancellation = new CancellationTokenSource();

        Task<EmbeddingOutcome> asking = Fabric.Embeddings.EmbedAsync(ScriptedEmbedder.Request([1]), cancellation.Token).AsTask();
        await embedder.Asked;
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await embedder.GivenUp;
    }

    private Task<IEmbeddingSession> JoinAsync(ScriptedEmbedder embedder) => ScriptedEmbedder.JoinAsync(Fabric.Embedders, Fabric.Models, embedder);

    private ValueTask<EmbeddingOutcome> EmbedAsync(EmbeddingRequest request) => Fabric.Embeddings.EmbedAsync(request, TestContext.Current.CancellationToken);
}
