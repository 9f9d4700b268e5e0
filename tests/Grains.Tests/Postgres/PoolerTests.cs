using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Stores;
using GlmCluster.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace GlmCluster.Grains.Tests.Postgres;

/// <summary>A database behind a real PgBouncer.</summary>
public sealed class PoolerTests
{
    [Fact]
    public async Task Open_PoolerOfTransactions_IsRefused()
    {
        await using PgBouncer pooler = await StartAsync("transaction");

        StoreException refused = await Assert.ThrowsAsync<StoreException>(() => OpenAsync(pooler));

        Assert.Contains("pool_mode = session", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_PoolerOfSessions_Works()
    {
        await using PgBouncer pooler = await StartAsync("session");

        await using PostgresFabric fabric = await OpenAsync(pooler);

        Assert.Empty(fabric.Offered);
    }

    private static async Task<PgBouncer> StartAsync(string poolMode)
    {
        Assert.SkipWhen(PgBouncer.MissingReason is not null, PgBouncer.MissingReason ?? "");
        var direct = new NpgsqlConnectionStringBuilder(await SharedPostgres.CreateDatabaseAsync());
        return await PgBouncer.StartAsync(direct.Host!, direct.Database!, poolMode, TestContext.Current.CancellationToken);
    }

    private static Task<PostgresFabric> OpenAsync(PgBouncer pooler) => PostgresFabric.OpenAsync(
        new PostgresFabricOptions { ConnectionString = pooler.ConnectionString, ProcessName = "test" },
        new LocalLiveConnector(),
        TimeProvider.System,
        NullLogger.Instance,
        CancellationToken.None).AsTask();
}
