namespace GlmCluster.Cli.LocalCluster;

/// <summary>A gateway or a silo of a local cluster: the same program in a process of its own, started again when it dies.</summary>
/// <param name="name">For example <c>silo 1</c>.</param>
/// <param name="logFile">Where its output goes.</param>
/// <param name="readyMark">What it writes before the URL at which it is reached, when it is ready.</param>
/// <param name="arguments">Its command line for a port, which is 0 or the one it had before: clients find it where it was.</param>
/// <param name="port">The first port; 0: a free one.</param>
internal sealed class ClusterMember(string name, string logFile, string readyMark, Func<int, IReadOnlyList<string>> arguments, int port) : IAsyncDisposable
{
    private static readonly TimeSpan RestartPause = TimeSpan.FromSeconds(1);

    private ChildProcess? _process;

    /// <summary>Where it is reached; null: it is not ready yet.</summary>
    public Uri? Url { get; private set; }

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <exception cref="LocalClusterException">It ended before.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _process = ChildProcess.Start(name, "TERM", readyMark, logFile, [.. Program(), .. arguments(Url?.Port ?? port)]);
        string line = await _process.Ready.WaitAsync(cancellationToken);
        Url = new Uri(line[(line.IndexOf(readyMark, StringComparison.Ordinal) + readyMark.Length)..]);
    }

    /// <summary>Starts it again whenever it ends, until cancelled.</summary>
    /// <param name="say">Told about each end.</param>
    /// <param name="cancellationToken">Ends the watch, not the process.</param>
    /// <exception cref="LocalClusterException">It cannot be started again.</exception>
    public async Task KeepRunningAsync(Action<string> say, CancellationToken cancellationToken)
    {
        while (true)
        {
            int exitCode = await _process!.Exited.WaitAsync(cancellationToken);
            say($"{name} ended with exit code {exitCode} and is started again. Its log is {logFile}");
            await _process.DisposeAsync();
            await Task.Delay(RestartPause, cancellationToken);
            await StartAsync(cancellationToken);
            say($"{name} works again at {Url!.GetLeftPart(UriPartial.Authority)}");
        }
    }

    /// <summary>Asks it to stop, and waits.</summary>
    public ValueTask DisposeAsync() => _process?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>How this very program is run: by <c>dotnet</c>, or by itself.</summary>
    private static string[] Program()
    {
        string host = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(host) == "dotnet" ? [host, Path.Combine(AppContext.BaseDirectory, "glm.dll")] : [host];
    }
}
