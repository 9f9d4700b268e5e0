using System.Globalization;
using GlmCluster.Bench;
using GlmCluster.Bench.Http;
using GlmCluster.Cli.LocalCluster;
using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Decoding;

namespace GlmCluster.Cli.Benchmarks.Cluster;

/// <summary>A cluster of processes on this machine, with an empty database in a temporary folder.</summary>
internal sealed class BenchCluster : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly LocalPostgres _postgres;
    private readonly LocalClusterPlan _plan;
    private readonly List<ClusterMember> _gateways = [];
    private readonly List<ClusterMember> _silos = [];

    private BenchCluster(DirectoryInfo folder, LocalPostgres postgres, LocalClusterPlan plan)
    {
        _folder = folder;
        _postgres = postgres;
        _plan = plan;
    }

    /// <summary>Gateways as clients see them.</summary>
    public IReadOnlyList<ChatServer> Servers { get; private set; } = [];

    /// <summary>Starts it; on return its gateways answer.</summary>
    /// <param name="settings">In force for all; <see cref="ServeSettings.Threads"/> are divided among the silos.</param>
    /// <param name="gateways">How many.</param>
    /// <param name="silos">How many are started at first.</param>
    /// <param name="siloArguments">What each silo is told beyond settings: its made-up model.</param>
    /// <param name="planned">Silos that there will be, which share the threads.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="LocalClusterException">Something cannot start.</exception>
    public static async Task<BenchCluster> StartAsync(
        ServeSettings settings, int gateways, int silos, int planned, IReadOnlyList<string> siloArguments, CancellationToken cancellationToken)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("glm-bench-");
        if (!OperatingSystem.IsWindows() && Environment.IsPrivilegedProcess)
        {
            folder.UnixFileMode |= UnixFileMode.OtherExecute | UnixFileMode.OtherRead; // PostgreSQL runs as somebody else then
        }

        var plan = new LocalClusterPlan(gateways, planned, folder.FullName, settings, Given(settings), ConfigFile: null) { SiloArguments = siloArguments };
        Directory.CreateDirectory(plan.LogFolder);
        LocalPostgres postgres = await LocalPostgres.StartAsync(plan.Folder, plan.LogFile("postgres"), isDurable: true, cancellationToken);
        var cluster = new BenchCluster(folder, postgres, plan);
        try
        {
            for (int i = 0; i < silos; i++)
            {
                await cluster.AddSiloAsync(cancellationToken);
            }

            cluster._gateways.AddRange(Enumerable.Range(0, gateways).Select(index => plan.Gateway(index, postgres.ConnectionString)));
            await Task.WhenAll(cluster._gateways.Select(gateway => gateway.StartAsync(cancellationToken)));
            cluster.Servers = await Task.WhenAll(cluster._gateways.Select(gateway => FindAsync(gateway.Url!, cancellationToken)));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts one more silo.</summary>
    public async Task AddSiloAsync(CancellationToken cancellationToken)
    {
        ClusterMember silo = _plan.Silo(_silos.Count, _postgres.ConnectionString);
        _silos.Add(silo);
        await silo.StartAsync(cancellationToken);
    }

    /// <summary>What its processes and its database have used up to now.</summary>
    public async Task<ClusterUse> ReadUseAsync(CancellationToken cancellationToken) => await ClusterUse.ReadAsync(
        _postgres.ConnectionString,
        _postgres.ProcessId,
        [.. _gateways.Select(gateway => gateway.ProcessId)],
        [.. _silos.Select(silo => silo.ProcessId)],
        cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_gateways.Concat(_silos).Select(member => member.DisposeAsync().AsTask()));
        await _postgres.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static KeyValuePair<string, string>[] Given(ServeSettings settings) =>
    [
        new("max-sequences", settings.MaxSequences.ToString(CultureInfo.InvariantCulture)),
        new("step-tokens", settings.StepTokens.ToString(CultureInfo.InvariantCulture)),
        new("device", settings.Device),
        new("log-level", "warning"),
        .. settings.Weights is { } weights ? [new("weights", weights.Name())] : Array.Empty<KeyValuePair<string, string>>(),
    ];

    /// <summary>Waits until a gateway knows of a silo.</summary>
    private static async Task<ChatServer> FindAsync(Uri url, CancellationToken cancellationToken)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return await ChatServer.FindAsync(url, model: null, cancellationToken);
            }
            catch (BenchException) when (attempt < 100)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, cancellationToken);
            }
        }
    }
}
