using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Postgres.Schema;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace GlmCluster.Grains.Tests.Postgres;

/// <summary>What an operator is told when the database cannot be used.</summary>
public sealed class OpenFailureTests
{
    [Theory]
    [InlineData("Host=db;Nonsense=1", "nonsense")]
    [InlineData("Database=glm", "names no Host")]
    [InlineData("Host=127.0.0.1;Port=1", "cannot be reached")]
    public async Task Open_WrongConnection_SaysWhatIsWrong(string connection, string named)
    {
        StoreException refused = await RefuseAsync(connection);

        Assert.Contains(named, refused.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Open_MissingDatabase_SaysSo()
    {
        string database = await SharedPostgres.CreateDatabaseAsync();

        StoreException refused = await RefuseAsync(new NpgsqlConnectionStringBuilder(database) { Database = "nowhere" }.ConnectionString);

        Assert.Contains("\"nowhere\" does not exist", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_UserWithoutRights_IsToldWhichToGrant()
    {
        string database = await SharedPostgres.CreateDatabaseAsync();

        StoreException refused = await RefuseAsync(await CreateUserAsync(database, grants: ""));

        Assert.Contains("grant create on database", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_OlderSchemaAndAUserWhoMayNotChangeIt_NamesTheRemedyAndChangesNothing()
    {
        string database = await SharedPostgres.CreateDatabaseAsync();
        await MigrateAsync(database, [.. PostgresSchema.Steps.Take(1)]);

        StoreException refused = await RefuseAsync(await CreateUserAsync(
            database, "grant usage on schema glm to USER; grant select, insert, update, delete on all tables in schema glm to USER"));

        Assert.Contains("glm db migrate", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, await MigrateAsync(database, [.. PostgresSchema.Steps.Take(1)]));
    }

    [Fact]
    public async Task Open_SchemaThatHasOutgrownThisProgram_IsRefused()
    {
        string database = await SharedPostgres.CreateDatabaseAsync();
        await MigrateAsync(database, [.. PostgresSchema.Steps, new SchemaStep(PostgresSchema.Version + 1, "drop table glm.usage", Contracts: true)]);

        StoreException refused = await RefuseAsync(database);

        Assert.Contains("Run a newer glm", refused.Message, StringComparison.Ordinal);
    }

    private static async Task<string> CreateUserAsync(string database, string grants)
    {
        string user = $"poor{Guid.NewGuid():N}";
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(database);
        await using NpgsqlCommand create = source.CreateCommand(
            $"create role {user} login; {grants.Replace("USER", user, StringComparison.Ordinal)}");
        await create.ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(database) { Username = user }.ConnectionString;
    }

    private static async Task<int> MigrateAsync(string database, IReadOnlyList<SchemaStep> steps)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        return await SchemaMigrator.MigrateAsync(connection, steps, CancellationToken.None);
    }

    private static async Task<StoreException> RefuseAsync(string connection) => await Assert.ThrowsAsync<StoreException>(async () =>
        await PostgresFabric.OpenAsync(
            new PostgresFabricOptions { ConnectionString = connection, ProcessName = "test" },
            new LocalLiveConnector(),
            TimeProvider.System,
            NullLogger.Instance,
            CancellationToken.None));
}
