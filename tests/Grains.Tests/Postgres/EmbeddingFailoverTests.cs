using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Tests.Contracts;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Grains.Tests.Postgres;

/// <summary>Two silos of one embedding model: what the one that dies had is answered by the other.</summary>
public sealed class EmbeddingFailoverTests
{
    private readonly LocalLiveConnector _connector = new();

    [Fact]
    public async Task Embed_SiloDiesMeanwhile_TheOtherAnswers()
    {
        string database = await SharedPostgres.CreateDatabaseAsync();
        Uri first = new("local://first");
        await using PostgresFabric silo1 = await OpenAsync(database, first);
        await using PostgresFabric silo2 = await OpenAsync(database, new Uri("local://second"));
        await using PostgresFabric gateway = await OpenAsync(database, url: null);
        var hanging = new ScriptedEmbedder { Waits = true };
        await using IEmbeddingSession session1 = await ScriptedEmbedder.JoinAsync(silo1, silo1, hanging);
        await using IEmbeddingSession session2 = await ScriptedEmbedder.JoinAsync(silo2, silo2, new ScriptedEmbedder());
        await gateway.RefreshDirectoryAsync();
        EmbeddingRequest request = ScriptedEmbedder.Request([5, 6]);

        Task<EmbeddingOutcome> asking = gateway.EmbedAsync(request, TestContext.Current.CancellationToken).AsTask();
        await hanging.Asked;
        await _connector.CloseAsync(first);

        var outcome = Assert.IsType<Embedded>(await asking);
        Assert.Equal(ScriptedEmbedder.Answer(request).Vectors[0].ToArray(), outcome.Vectors[0].ToArray());
    }

    private async Task<PostgresFabric> OpenAsync(string database, Uri? url)
    {
        var options = new PostgresFabricOptions { ConnectionString = database, ProcessName = "test", LiveUrl = url };
        PostgresFabric fabric = await PostgresFabric.OpenAsync(options, _connector, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        if (url is not null)
        {
            _connector.Open(url, fabric);
        }

        return fabric;
    }
}
