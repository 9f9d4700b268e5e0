using System.Globalization;

namespace GlmCluster.Cli.Hub;

/// <summary>Shows on one line of the terminal how a pull goes. Thread-safe.</summary>
/// <param name="output">Where to.</param>
/// <param name="isWatched">It is a terminal: the line is drawn. Else only what is said is written.</param>
/// <param name="time">For speeds.</param>
internal sealed class PullProgress(TextWriter output, bool isWatched, TimeProvider time) : IDisposable
{
    private const int BarChars = 30;
    private const double MiB = 1 << 20;

    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(200);

    private readonly Lock _lock = new(); // guards everything below
    private long _total;
    private long _done;
    private long _startDone;
    private long _start;
    private long _lastShown;

    /// <summary>Bytes that are there.</summary>
    public long Done
    {
        get
        {
            lock (_lock)
            {
                return _done;
            }
        }
    }

    public void Begin(long totalBytes)
    {
        lock (_lock)
        {
            _total = totalBytes;
            _start = _lastShown = time.GetTimestamp();
        }
    }

    public void Add(long bytes)
    {
        lock (_lock)
        {
            _done += bytes;
            if (isWatched && time.GetElapsedTime(_lastShown) >= Between)
            {
                if (_startDone == 0)
                {
                    (_startDone, _start) = (_done, time.GetTimestamp()); // what was there already says nothing of the speed
                }

                _lastShown = time.GetTimestamp();
                output.Write($"\r{Describe()}\e[K");
            }
        }
    }

    /// <summary>Writes a line of its own.</summary>
    public void Say(string text)
    {
        lock (_lock)
        {
            Clear();
            output.WriteLine(text);
        }
    }

    /// <summary>Removes the line.</summary>
    public void Dispose() => Clear();

    private void Clear()
    {
        if (isWatched)
        {
            output.Write("\r\e[K");
        }
    }

    private string Describe()
    {
        double seconds = time.GetElapsedTime(_start).TotalSeconds;
        double speed = seconds > 0 ? (_done - _startDone) / seconds : 0;
        int filled = _total == 0 ? 0 : (int)(BarChars * Math.Clamp(_done, 0, _total) / _total);
        string left = speed > 0 ? $", {Show(TimeSpan.FromSeconds((_total - _done) / speed))} left" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"[{new string('#', filled)}{new string('.', BarChars - filled)}] {_done / MiB:N0} of {_total / MiB:N0} MiB, {speed / MiB:N1} MiB/s{left}");
    }

    private static string Show(TimeSpan time) => time.TotalHours >= 1 ? $"{(long)time.TotalHours} h {time.Minutes} min" : time.TotalMinutes >= 1 ? $"{time.Minutes} min" : $"{time.Seconds} s";
}
