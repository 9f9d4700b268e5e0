using GlmCluster.TestKit;
using Npgsql;

namespace GlmCluster.Cli.Tests.Cluster;

/// <summary>Gateways and silos that must not start: each says why and ends.</summary>
public sealed class ClusterStartTests
{
    [Theory]
    [InlineData("gateway")]
    [InlineData("silo")]
    public async Task Start_SchemaHasOutgrownIt_SaysSoAndEnds(string role)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), PostgresServer.OnlyOnLinux);
        await using PostgresServer postgres = await PostgresServer.StartAsync(CancellationToken.None);
        await using (NpgsqlDataSource source = NpgsqlDataSource.Create(postgres.ConnectionString))
        {
            await using NpgsqlCommand outgrow = source.CreateCommand(
                """
                create schema glm;
                create table glm.schema_version as select 1000 as version, 1000 as least_version;
                """);
            await outgrow.ExecuteNonQueryAsync();
        }

        using GlmProcess process = GlmProcess.Start([role, .. role == "gateway" ? ["--port", "0"] : Array.Empty<string>(), "--database", postgres.ConnectionString]);
        string errors = await process.Errors.ReadToEndAsync();

        Assert.Equal(1, await process.WaitAsync());
        Assert.Contains("needs a program that knows version 1000", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gateway_PasswordOnTheCommandLine_IsRefused()
    {
        using GlmProcess gateway = GlmProcess.Start("gateway", "--database", "Host=db;Username=glm;Password=secret");

        string errors = await gateway.Errors.ReadToEndAsync();

        Assert.Equal(2, await gateway.WaitAsync());
        Assert.Contains("GLM_DATABASE", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gateway")]
    [InlineData("silo")]
    public async Task Start_DatabaseUnreachable_SaysSo(string role)
    {
        using GlmProcess process = GlmProcess.Start(role, "--database", "Host=127.0.0.1;Port=1;Username=glm");

        string errors = await process.Errors.ReadToEndAsync();

        Assert.Equal(1, await process.WaitAsync());
        Assert.Contains("cannot be reached", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }
}
