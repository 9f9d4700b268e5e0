using System.Globalization;
using GlmCluster.Grains.Tests.Postgres;
using GlmCluster.TestKit;
using Npgsql;

[assembly: AssemblyFixture(typeof(SharedPostgres))]

namespace GlmCluster.Grains.Tests.Postgres;

/// <summary>The one PostgreSQL of this test program, started by the first test that needs it. Every test gets a database of its own.</summary>
public sealed class SharedPostgres : IAsyncDisposable
{
    private static readonly Lazy<Task<PostgresServer>> Server = new(() => PostgresServer.StartAsync(CancellationToken.None));
    private static int DatabaseCount;

    /// <summary>Makes an empty database; skips the test where there can be no PostgreSQL, fails it where none is installed.</summary>
    /// <returns>Its connection string.</returns>
    public static async Task<string> CreateDatabaseAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), PostgresServer.OnlyOnLinux);
        PostgresServer server = await Server.Value;
        string name = string.Create(CultureInfo.InvariantCulture, $"test{Interlocked.Increment(ref DatabaseCount)}");
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(server.ConnectionString);
        await using NpgsqlCommand create = source.CreateCommand($"create database {name} strategy file_copy");
        await create.ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(server.ConnectionString) { Database = name }.ConnectionString;
    }

    public async ValueTask DisposeAsync()
    {
        if (Server.IsValueCreated)
        {
            await (await Server.Value).DisposeAsync();
        }
    }
}
