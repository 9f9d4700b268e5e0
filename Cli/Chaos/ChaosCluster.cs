using System.Globalization;
using GlmCluster.Cli.LocalCluster;
using Npgsql;

namespace GlmCluster.Cli.Chaos;

/// <summary>The cluster under test: a real PostgreSQL, gateways and silos in processes of their own, each with its own way to the database.</summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    private readonly string _folder;
    private readonly string _postgresLog;
    private readonly SemaphoreSlim _postgresFree = new(1, 1);
    private LocalPostgres _postgres;

    private ChaosCluster(string folder, string postgresLog, LocalPostgres postgres)
    {
        _folder = folder;
        _postgresLog = postgresLog;
        _postgres = postgres;
    }

    public IReadOnlyList<ChaosMember> Gateways { get; private set; } = [];

    public IReadOnlyList<ChaosMember> Silos { get; private set; } = [];

    /// <summary>Where clients ask; the same through all restarts.</summary>
    public IReadOnlyList<Uri> Urls { get; private set; } = [];

    /// <summary>Not through a proxy.</summary>
    public string ConnectionString => _postgres.ConnectionString;

    /// <exception cref="LocalClusterException">Something cannot start.</exception>
    public static async Task<ChaosCluster> StartAsync(ChaosPlan plan, string folder, CancellationToken cancellationToken)
    {
        var local = new LocalClusterPlan(plan.Gateways, plan.Silos, folder, plan.Settings with { Port = 0 }, plan.Given, plan.ConfigFile);
        Directory.CreateDirectory(local.LogFolder);
        LocalPostgres postgres = await LocalPostgres.StartAsync(folder, local.LogFile("postgres"), isDurable: true, cancellationToken);
        var cluster = new ChaosCluster(folder, local.LogFile("postgres"), postgres);
        try
        {
            cluster.Gateways = [.. Enumerable.Range(0, plan.Gateways).Select(index => cluster.Member("gateway", index, local.Gateway))];
            cluster.Silos = [.. Enumerable.Range(0, plan.Silos).Select(index => cluster.Member("silo", index, local.Silo))];
            await Task.WhenAll(cluster.Gateways.Concat(cluster.Silos).Select(member => member.StartAsync(attempts: 1, cancellationToken)));
            cluster.Urls = [.. cluster.Gateways.Select(gateway => new Uri(gateway.Url!.GetLeftPart(UriPartial.Authority)))];
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>PostgreSQL ends and comes back, unless that is going on already.</summary>
    /// <param name="crashes">Without a checkpoint, so that it must recover.</param>
    /// <param name="away">How long it is gone.</param>
    /// <returns>Whether it was done.</returns>
    public async Task<bool> TryRestartPostgresAsync(bool crashes, TimeSpan away)
    {
        if (!await _postgresFree.WaitAsync(TimeSpan.Zero))
        {
            return false;
        }

        try
        {
            await _postgres.SignalAsync(crashes ? "QUIT" : "INT");
            await _postgres.Exited;
            await _postgres.DisposeAsync();
            await Task.Delay(away);
            _postgres = await LocalPostgres.StartAsync(_folder, _postgresLog, isDurable: true, CancellationToken.None);
            return true;
        }
        finally
        {
            _postgresFree.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Gateways.Select(gateway => gateway.DisposeAsync().AsTask()));
        await Task.WhenAll(Silos.Select(silo => silo.DisposeAsync().AsTask()));
        await _postgres.DisposeAsync();
        _postgresFree.Dispose();
    }

    private ChaosMember Member(string role, int index, Func<int, string, ClusterMember> create)
    {
        var postgres = new NpgsqlConnectionStringBuilder(ConnectionString);
        string proxyFolder = Path.Combine(_folder, "ways", string.Create(CultureInfo.InvariantCulture, $"{role}-{index + 1}"));
        var proxy = new DatabaseProxy(proxyFolder, postgres.Host!);
        postgres.Host = proxyFolder;
        return new ChaosMember(create(index, postgres.ConnectionString), proxy);
    }
}
