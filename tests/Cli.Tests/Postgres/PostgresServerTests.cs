using GlmCluster.TestKit;
using Npgsql;

namespace GlmCluster.Cli.Tests.Postgres;

public sealed class PostgresServerTests
{
    [Fact]
    public async Task StartAsync_ThenQuery_IsVersion17()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), PostgresServer.OnlyOnLinux);
        await using PostgresServer server = await PostgresServer.StartAsync(TestContext.Current.CancellationToken);
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(server.ConnectionString);
        await using NpgsqlCommand command = source.CreateCommand("select current_setting('server_version_num')::int / 10000");

        Assert.Equal(17, await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }
}
