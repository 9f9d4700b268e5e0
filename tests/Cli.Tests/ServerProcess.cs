namespace GlmCluster.Cli.Tests;

/// <summary>The program's <c>serve</c> on a free port, with the bundled model unless told otherwise, ready to generate.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const string ListeningPrefix = "Listening on ";

    private readonly GlmProcess _process;
    private readonly Task _draining;

    private ServerProcess(GlmProcess process, Uri url, Task<string> errors)
    {
        _process = process;
        Url = url;
        Errors = errors;
        _draining = Task.WhenAll(errors, process.Output.ReadToEndAsync());
    }

    public Uri Url { get; }

    /// <summary>All it wrote to standard error; ends with the process.</summary>
    public Task<string> Errors { get; }

    /// <param name="storeFile">Where it keeps conversations.</param>
    /// <param name="arguments">More of the command line.</param>
    public static async Task<ServerProcess> StartAsync(string storeFile, params string[] arguments)
    {
        GlmProcess process = GlmProcess.Start(["serve", "--port", "0", "--store", storeFile, "--log-level", "warning", .. arguments]);
        Task<string> errors = process.Errors.ReadToEndAsync();
        while (await process.Output.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(ListeningPrefix, StringComparison.Ordinal))
            {
                return new ServerProcess(process, new Uri(line[ListeningPrefix.Length..]), errors);
            }
        }

        process.Dispose();
        throw new InvalidOperationException($"glm serve did not start:\n{await errors}");
    }

    /// <summary>Kills it with no chance to clean up, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        await _process.SignalAsync("KILL");
        await _process.WaitAsync();
    }

    /// <summary>Asks it to stop, and waits.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync()
    {
        await _process.SignalAsync("TERM");
        await _draining;
        return await _process.WaitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }
}
