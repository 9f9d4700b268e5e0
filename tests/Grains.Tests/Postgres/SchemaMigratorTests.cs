using GlmCluster.Grains.Postgres.Schema;
using GlmCluster.Grains.Stores;
using Npgsql;

namespace GlmCluster.Grains.Tests.Postgres;

public sealed class SchemaMigratorTests
{
    private static readonly SchemaStep Add = new(LeastVersion: 1, "create table glm.added (id int)");
    private static readonly SchemaStep Remove = new(LeastVersion: PostgresSchema.Version + 1, "drop table glm.added", Contracts: true);

    [Fact]
    public async Task Expand_ManyAtOnce_MakeItOnce()
    {
        string database = await SharedPostgres.CreateDatabaseAsync();

        int[] versions = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ExpandAsync(database, PostgresSchema.Steps)));

        Assert.All(versions, version => Assert.Equal(PostgresSchema.Version, version));
    }

    [Fact]
    public async Task Expand_ContractingStep_WaitsForMigrate()
    {
        string database = await SharedPostgres.CreateDatabaseAsync();
        SchemaStep[] steps = [.. PostgresSchema.Steps, Add, Remove];

        int expanded = await ExpandAsync(database, steps);
        int migrated = await MigrateAsync(database, steps);

        Assert.Equal((PostgresSchema.Version + 1, PostgresSchema.Version + 2), (expanded, migrated));
    }

    [Fact]
    public async Task Expand_NeedsWhatComesAfterAContractingStep_IsRefusedUntilMigrated()
    {
        string database = await SharedPostgres.CreateDatabaseAsync();
        SchemaStep[] steps = [.. PostgresSchema.Steps, Add, Remove, new SchemaStep(Remove.LeastVersion, "create table glm.needed (id int)")];
        await ExpandAsync(database, PostgresSchema.Steps);

        StoreException refused = await Assert.ThrowsAsync<StoreException>(() => ExpandAsync(database, steps));
        int stillServes = await ExpandAsync(database, PostgresSchema.Steps);
        await MigrateAsync(database, steps);

        Assert.Contains("glm db migrate", refused.Message, StringComparison.Ordinal);
        Assert.Equal((PostgresSchema.Version, steps.Length), (stillServes, await ExpandAsync(database, steps)));
    }

    [Fact]
    public async Task Expand_NewerSchemaThatStillServesThisVersion_Runs()
    {
        string database = await SharedPostgres.CreateDatabaseAsync();
        await ExpandAsync(database, [.. PostgresSchema.Steps, Add]);

        Assert.Equal(PostgresSchema.Version + 1, await ExpandAsync(database, PostgresSchema.Steps));
    }

    [Fact]
    public async Task Expand_SchemaThatNeedsANewerProgram_IsRefused()
    {
        string database = await SharedPostgres.CreateDatabaseAsync();
        await MigrateAsync(database, [.. PostgresSchema.Steps, Add, Remove]);

        StoreException refused = await Assert.ThrowsAsync<StoreException>(() => ExpandAsync(database, PostgresSchema.Steps));

        Assert.Contains("newer glm", refused.Message, StringComparison.Ordinal);
    }

    private static async Task<int> ExpandAsync(string database, IReadOnlyList<SchemaStep> steps)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        return await SchemaMigrator.ExpandAsync(connection, steps, CancellationToken.None);
    }

    private static async Task<int> MigrateAsync(string database, IReadOnlyList<SchemaStep> steps)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        return await SchemaMigrator.MigrateAsync(connection, steps, CancellationToken.None);
    }
}
