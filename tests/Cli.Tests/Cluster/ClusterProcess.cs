namespace GlmCluster.Cli.Tests.Cluster;

/// <summary>One process of a cluster, a gateway or a silo with the bundled model, ready to work.</summary>
internal sealed class ClusterProcess : IAsyncDisposable
{
    private readonly GlmProcess _process;
    private readonly Task _draining;

    private ClusterProcess(GlmProcess process, Uri url, Task<string> errors)
    {
        _process = process;
        Url = url;
        Errors = errors;
        _draining = Task.WhenAll(errors, process.Output.ReadToEndAsync());
    }

    /// <summary>Where clients reach a gateway, and gateways a silo.</summary>
    public Uri Url { get; }

    /// <summary>All it wrote to standard error; ends with the process.</summary>
    public Task<string> Errors { get; }

    public static Task<ClusterProcess> StartGatewayAsync(string database, params string[] arguments) =>
        StartAsync("Listening on ", ["gateway", "--port", "0", "--database", database, "--log-level", "warning", .. arguments]);

    public static Task<ClusterProcess> StartSiloAsync(string database, params string[] more) =>
        StartAsync("Working; gateways reach it at ", ["silo", "--threads", "1", "--database", database, "--log-level", "warning", .. more]);

    public Task SignalAsync(string signal) => _process.SignalAsync(signal);

    /// <summary>Asks it to stop, and waits.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync()
    {
        await _process.SignalAsync("TERM");
        await _draining;
        return await _process.WaitAsync();
    }

    public async Task KillAsync()
    {
        await _process.SignalAsync("KILL");
        await _process.WaitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private static async Task<ClusterProcess> StartAsync(string readyPrefix, params string[] arguments)
    {
        GlmProcess process = GlmProcess.Start(arguments);
        Task<string> errors = process.Errors.ReadToEndAsync();
        while (await process.Output.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(readyPrefix, StringComparison.Ordinal))
            {
                return new ClusterProcess(process, new Uri(line[readyPrefix.Length..]), errors);
            }
        }

        process.Dispose();
        throw new InvalidOperationException($"glm {arguments[0]} did not start:\n{await errors}");
    }
}
