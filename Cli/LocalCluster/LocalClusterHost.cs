using GlmCluster.Cli.Cluster;
using GlmCluster.Cli.Help;
using GlmCluster.Grains.Postgres;

namespace GlmCluster.Cli.LocalCluster;

/// <summary>Runs a local cluster until told to stop, and shows it.</summary>
internal sealed class LocalClusterHost
{
    private const int ShownEvents = 5;

    private readonly LocalClusterPlan _plan;
    private readonly LocalPostgres _postgres;
    private readonly ClusterMember[] _gateways;
    private readonly ClusterMember[] _silos;
    private readonly Lock _lock = new(); // guards _events
    private readonly Queue<string> _events = [];

    private LocalClusterHost(LocalClusterPlan plan, LocalPostgres postgres)
    {
        _plan = plan;
        _postgres = postgres;
        _gateways = [.. Enumerable.Range(0, plan.Gateways).Select(index => plan.Gateway(index, postgres.ConnectionString))];
        _silos = [.. Enumerable.Range(0, plan.Silos).Select(index => plan.Silo(index, postgres.ConnectionString))];
    }

    /// <summary>Starts all, keeps gateways and silos running, and ends them before PostgreSQL.</summary>
    /// <exception cref="LocalClusterException">Something cannot start, or PostgreSQL ended; nothing is left running.</exception>
    public static async Task RunAsync(LocalClusterPlan plan, CancellationToken stopping)
    {
        Directory.CreateDirectory(plan.LogFolder);
        foreach (string old in Directory.EnumerateFiles(plan.LogFolder, "*.log"))
        {
            File.Delete(old);
        }

        Console.WriteLine("Starting PostgreSQL, gateways and silos ...");
        await using LocalPostgres postgres = await LocalPostgres.StartAsync(plan.Folder, plan.LogFile("postgres"), isDurable: true, stopping);
        var host = new LocalClusterHost(plan, postgres);
        try
        {
            await host.StartAsync(stopping);
            await host.WatchAsync(stopping);
            Console.WriteLine("Stopping gateways, silos, and PostgreSQL.");
        }
        finally
        {
            await Task.WhenAll(host._gateways.Select(gateway => gateway.DisposeAsync().AsTask()));
            await Task.WhenAll(host._silos.Select(silo => silo.DisposeAsync().AsTask()));
        }
    }

    private async Task StartAsync(CancellationToken stopping)
    {
        Task[] starts = [.. _gateways.Concat(_silos).Select(member => member.StartAsync(stopping))];
        await foreach (Task start in Task.WhenEach(starts))
        {
            await start; // the first that fails ends it
        }
    }

    /// <summary>Returns when told to stop.</summary>
    private async Task WatchAsync(CancellationToken stopping)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        List<Task> watches = [.. _gateways.Concat(_silos).Select(member => member.KeepRunningAsync(Say, ending.Token))];
        watches.Add(WatchPostgresAsync(ending.Token));
        watches.Add(ShowAsync(ending.Token));
        Task ended = await Task.WhenAny(watches);
        await ending.CancelAsync();
        await Task.WhenAll(watches).ContinueWith(_ => { }, TaskScheduler.Default); // nothing is started any more
        if (!stopping.IsCancellationRequested)
        {
            await ended;
        }
    }

    private async Task WatchPostgresAsync(CancellationToken stopping)
    {
        int exitCode = await _postgres.Exited.WaitAsync(stopping);
        throw new LocalClusterException(_postgres.DescribeEnd(exitCode));
    }

    /// <summary>The live table; once where the output is no terminal.</summary>
    private async Task ShowAsync(CancellationToken stopping)
    {
        Console.Write(Describe() + await ReadTableAsync(stopping));
        while (true)
        {
            await Task.Delay(StatusTable.WatchPeriod, stopping);
            if (!Console.IsOutputRedirected)
            {
                string table = await ReadTableAsync(stopping);
                Console.Write(StatusTable.Redraw($"{Describe()}{table}{Environment.NewLine}{Events()}"));
            }
        }
    }

    private string Describe() =>
        $"""
        Cluster  {string.Join("  ", _gateways.Select(gateway => gateway.Url!.GetLeftPart(UriPartial.Authority)))}   (Ctrl+C stops it)
        Database {_postgres.ConnectionString}
        Logs     {_plan.LogFolder}


        """;

    private async Task<string> ReadTableAsync(CancellationToken stopping)
    {
        try
        {
            return StatusTable.Format(
                await PostgresFabric.ReadStatusAsync(_postgres.ConnectionString, stopping), ConnectionText.Describe(_postgres.ConnectionString));
        }
        catch (Exception failure) when (ExpectedErrors.Include(failure) && !stopping.IsCancellationRequested)
        {
            return $"The state cannot be read: {failure.Message}{Environment.NewLine}"; // what is wrong with PostgreSQL shows elsewhere
        }
    }

    private void Say(string what)
    {
        lock (_lock)
        {
            _events.Enqueue($"{TimeProvider.System.GetLocalNow():HH:mm:ss} {what}");
            if (_events.Count > ShownEvents)
            {
                _events.Dequeue();
            }
        }

        if (Console.IsOutputRedirected)
        {
            Console.WriteLine(what);
        }
    }

    private string Events()
    {
        lock (_lock)
        {
            return string.Concat(_events.Select(line => line + Environment.NewLine));
        }
    }
}
