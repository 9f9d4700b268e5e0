using System.Diagnostics;
using System.Globalization;
using GlmCluster.Checkpoints;

namespace GlmCluster.Cli.Serving;

/// <summary>Shows on one line of the terminal how loading goes, once it takes long enough to wonder. Silent where nobody watches.</summary>
internal sealed class LoadProgressLine(TextWriter terminal) : IProgress<LoadProgress>, IDisposable
{
    private const int BarChars = 30;

    private static readonly TimeSpan FirstShown = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new(); // guards _lastShown and the line
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _lastShown;

    public void Report(LoadProgress value)
    {
        lock (_lock)
        {
            bool due = _lastShown == 0 ? Stopwatch.GetElapsedTime(_start) >= FirstShown : Stopwatch.GetElapsedTime(_lastShown) >= Between;
            if (due && value.Total > 0)
            {
                _lastShown = Stopwatch.GetTimestamp();
                int filled = (int)(BarChars * value.Done / value.Total);
                string bar = new string('#', filled) + new string('.', BarChars - filled);
                terminal.Write(string.Create(CultureInfo.InvariantCulture, $"\r{value.Stage} [{bar}] {100 * value.Done / value.Total,3} %\e[K"));
            }
        }
    }

    /// <summary>Removes the line.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_lastShown != 0)
            {
                terminal.Write("\r\e[K");
            }
        }
    }
}
