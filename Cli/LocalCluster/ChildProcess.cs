using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace GlmCluster.Cli.LocalCluster;

/// <summary>A process that ends when it is told to, and also when this process dies. What it writes goes to a file.</summary>
/// <remarks>It has a session of its own, so that Ctrl+C in the terminal does not reach it: who started it decides what ends first.</remarks>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int KeptLines = 15;

    /// <summary>
    /// Becomes a command, watched by a process that is nobody's child: a line on the standard input sends it the first signal, the input's end
    /// without a line, which is the death of whoever holds it, the second.
    /// </summary>
    private const string RunWhileInputIsOpen =
        """
        stop=$1; orphaned=$2; shift 2
        exec 3<&0 # a background command's own input is /dev/null
        ( (if read -r _; then kill -$stop $$; else kill -$orphaned $$; fi) <&3 >/dev/null 2>&1 & )
        exec "$@" 3<&- </dev/null
        """;

    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(30);

    private readonly string _name;
    private readonly string _readyMark;
    private readonly string _logFile;
    private readonly Process _process;
    private readonly StreamWriter _input;
    private readonly TaskCompletionSource<string> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new(); // guards _log and _lastLines
    private readonly StreamWriter _log;
    private readonly Queue<string> _lastLines = [];
    private bool _isDisposed;

    private ChildProcess(string name, string readyMark, string logFile, Process process)
    {
        _name = name;
        _readyMark = readyMark;
        _logFile = logFile;
        _process = process;
        _input = process.StandardInput;
        _log = new StreamWriter(logFile, append: true) { AutoFlush = true };
        Exited = WatchAsync();
    }

    /// <summary>The first line with the ready mark. Fails with a <see cref="LocalClusterException"/> when it ends before.</summary>
    public Task<string> Ready => _ready.Task;

    public int Id => _process.Id;

    /// <summary>Its exit code; 128 and more where a signal ended it.</summary>
    public Task<int> Exited { get; }

    /// <param name="name">For messages.</param>
    /// <param name="stopSignal">What asks it to end, for example <c>INT</c>.</param>
    /// <param name="orphanSignal">What ends it when this process has died.</param>
    /// <param name="readyMark">Part of the line by which it says that it is ready.</param>
    /// <param name="logFile">What it writes is appended there.</param>
    /// <param name="command">Program and arguments.</param>
    /// <exception cref="LocalClusterException">It cannot be run at all.</exception>
    public static ChildProcess Start(
        string name, string stopSignal, string orphanSignal, string readyMark, string logFile, IEnumerable<string> command)
    {
        var start = new ProcessStartInfo("setsid", ["sh", "-c", RunWhileInputIsOpen, "sh", stopSignal, orphanSignal, .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            return new ChildProcess(name, readyMark, logFile, Process.Start(start)!);
        }
        catch (Win32Exception missing)
        {
            throw new LocalClusterException($"{name} cannot be started: it needs the programs setsid (util-linux) and sh. {missing.Message}", missing);
        }
    }

    /// <param name="signal">For example <c>KILL</c>.</param>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Asks it to end and waits; one that does not end within 30 s is killed. A second time does no harm.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        try
        {
            await _input.WriteLineAsync();
            _input.Close();
        }
        catch (IOException)
        {
            // Nobody reads it any more.
        }

        try
        {
            await Exited.WaitAsync(StopPatience);
        }
        catch (TimeoutException)
        {
            _process.Kill(entireProcessTree: true);
            await Exited;
        }

        _process.Dispose();
    }

    /// <summary>How it ended, with its last lines.</summary>
    public string DescribeEnd(int exitCode)
    {
        lock (_lock)
        {
            return $"{_name} ended with exit code {exitCode}. The end of its log, {_logFile}:\n  {string.Join("\n  ", _lastLines)}";
        }
    }

    private async Task<int> WatchAsync()
    {
        await Task.WhenAll(KeepAsync(_process.StandardOutput), KeepAsync(_process.StandardError));
        await _process.WaitForExitAsync();
        await _log.DisposeAsync();
        _ready.TrySetException(new LocalClusterException(DescribeEnd(_process.ExitCode)));
        return _process.ExitCode;
    }

    private async Task KeepAsync(StreamReader output)
    {
        while (await output.ReadLineAsync() is { } line)
        {
            lock (_lock)
            {
                _log.WriteLine(line);
                _lastLines.Enqueue(line);
                if (_lastLines.Count > KeptLines)
                {
                    _lastLines.Dequeue();
                }
            }

            if (line.Contains(_readyMark, StringComparison.Ordinal))
            {
                _ready.TrySetResult(line);
            }
        }
    }
}
