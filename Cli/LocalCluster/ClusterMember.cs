namespace GlmCluster.Cli.LocalCluster;

/// <summary>A gateway or a silo of a local cluster: the same program in a process of its own, started again when it dies.</summary>
/// <param name="name">For example <c>silo 1</c>.</param>
/// <param name="logFile">Where its output goes.</param>
/// <param name="readyMark">What it writes before the URL at which it is reached, when it is ready.</param>
/// <param name="arguments">Its command line for a port, which is 0 or the one it had before: clients find it where it was.</param>
/// <param name="port">The first port; 0: a free one.</param>
internal sealed class ClusterMember(string name, string logFile, string readyMark, Func<int, IReadOnlyList<string>> arguments, int port) : IAsyncDisposable
{
    private readonly RestartPolicy _restarts = new(TimeProvider.System);
    private ChildProcess? _process;

    /// <summary>Where it is reached; null: it is not ready yet.</summary>
    public Uri? Url { get; private set; }

    /// <summary>Of the process that was started last.</summary>
    public int ProcessId => _process!.Id;

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <exception cref="LocalClusterException">It ended before.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _restarts.NoteStart();
        _process = ChildProcess.Start(
            name, stopSignal: "INT", orphanSignal: "KILL", readyMark, logFile, [.. Program(), .. arguments(Url?.Port ?? port)]);
        string line = await _process.Ready.WaitAsync(cancellationToken);
        Url = new Uri(line[(line.IndexOf(readyMark, StringComparison.Ordinal) + readyMark.Length)..]);
    }

    /// <summary>Starts it again whenever it ends, until cancelled.</summary>
    /// <param name="say">Told about each end.</param>
    /// <param name="cancellationToken">Ends the watch, not the process.</param>
    /// <exception cref="LocalClusterException">It ends again and again.</exception>
    public async Task KeepRunningAsync(Action<string> say, CancellationToken cancellationToken)
    {
        while (true)
        {
            int exitCode = await _process!.Exited.WaitAsync(cancellationToken);
            string end = _process.DescribeEnd(exitCode);
            await _process.DisposeAsync();
            if (_restarts.NoteEnd() is not { } pause)
            {
                throw new LocalClusterException($"{name} ended {RestartPolicy.MostEnds} times in a row soon after its start and is given up. {end}");
            }

            say($"{name} ended with exit code {exitCode} and is started again in {pause.TotalSeconds:0} s. Its log is {logFile}");
            await Task.Delay(pause, cancellationToken);
            if (await TryStartAsync(cancellationToken))
            {
                say($"{name} works again at {Url!.GetLeftPart(UriPartial.Authority)}");
            }
        }
    }

    private async Task<bool> TryStartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await StartAsync(cancellationToken);
            return true;
        }
        catch (LocalClusterException) when (_process!.Exited.IsCompleted)
        {
            return false; // its end counts as any other
        }
    }

    /// <summary>Its exit code, once it has ended.</summary>
    public Task<int> Exited => _process!.Exited;

    /// <param name="signal">For example <c>KILL</c>.</param>
    public Task SignalAsync(string signal) => _process!.SignalAsync(signal);

    /// <summary>Asks it to stop, and waits.</summary>
    public ValueTask DisposeAsync() => _process?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>How this very program is run: by <c>dotnet</c>, or by itself.</summary>
    private static string[] Program()
    {
        string host = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(host) == "dotnet" ? [host, Path.Combine(AppContext.BaseDirectory, "glm.dll")] : [host];
    }
}
