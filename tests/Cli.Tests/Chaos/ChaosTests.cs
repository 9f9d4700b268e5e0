using System.Globalization;
using GlmCluster.TestKit;
using Npgsql;

namespace GlmCluster.Cli.Tests.Chaos;

/// <summary><c>glm chaos</c> as its users run it: it must pass over a sound cluster, and see what is not.</summary>
public sealed class ChaosTests : IDisposable
{
    private readonly PublicFolder _folder = new("glm-chaos-");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Chaos_ShortRun_LosesRepeatsAndChangesNothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), PostgresServer.OnlyOnLinux);
        using GlmProcess chaos = Start(minutes: 0.3, seed: 6);

        string report = await chaos.Output.ReadToEndAsync();

        Assert.True(await chaos.WaitAsync() == 0, report + await chaos.Errors.ReadToEndAsync());
        Assert.Equal("0", Row(report, "tokens lost"));
        Assert.Equal("0", Row(report, "tokens repeated"));
        Assert.Equal("0", Row(report, "tokens changed"));
        Assert.NotEqual("0", Row(report, "faults survived"));
        Assert.NotEqual("0", Row(report, "answers checked"));
    }

    [Fact]
    public async Task Chaos_StoredFramesAreDamaged_Fails()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), PostgresServer.OnlyOnLinux);
        using GlmProcess chaos = Start(minutes: 0.5, seed: 6);
        Task<string> output = chaos.Output.ReadToEndAsync();

        await DamageFramesAsync();

        string report = await output;
        string errors = await chaos.Errors.ReadToEndAsync();
        Assert.True(await chaos.WaitAsync() == 1, report + errors);
        Assert.Contains("broke its promise", errors, StringComparison.Ordinal);
        Assert.Contains("problems:", report, StringComparison.Ordinal);
    }

    private GlmProcess Start(double minutes, int seed) => GlmProcess.Start(
        "chaos", "--minutes", minutes.ToString(CultureInfo.InvariantCulture), "--seed", $"{seed}", "--data", _folder.Path, "--log-level", "warning");

    /// <summary>Once the cluster has its tables: every frame's first token becomes another one on its way into the table.</summary>
    private async Task DamageFramesAsync()
    {
        const string Trigger =
            """
            create function glm.damage() returns trigger language plpgsql as $$
            declare at int := case when get_byte(new.entries, 13) < 128 then 16 else 17 end;
            begin
                new.entries = set_byte(new.entries, at, get_byte(new.entries, at) # 1);
                return new;
            end $$;
            create trigger damage before insert on glm.frames for each row execute function glm.damage();
            """;
        string database = $"Host={_folder.Path}/postgres;Username=postgres;Database=postgres;Pooling=false";
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(database);
                await connection.OpenAsync(TestContext.Current.CancellationToken);
                await using var command = new NpgsqlCommand(Trigger, connection);
                await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
                return;
            }
            catch (NpgsqlException)
            {
                // Not there yet, or away at the moment.
                await Task.Delay(TimeSpan.FromMilliseconds(100), TestContext.Current.CancellationToken);
            }
        }
    }

    private static string Row(string report, string what) =>
        report.Split('\n').Single(line => line.StartsWith($"| {what} |", StringComparison.Ordinal)).Split('|')[2].Trim();
}
