namespace GlmCluster.Cli.LocalCluster;

/// <summary>How long to wait before a process that ended is started again, and when to give up. One caller at a time.</summary>
internal sealed class RestartPolicy(TimeProvider time)
{
    /// <summary>Ends in a row, each soon after a start, that are too many.</summary>
    public const int MostEnds = 5;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);

    /// <summary>What ran so long did not fail at its start.</summary>
    private static readonly TimeSpan Steady = TimeSpan.FromMinutes(1);

    private long _startedAt = time.GetTimestamp();
    private int _ends;

    /// <summary>It was started.</summary>
    public void NoteStart() => _startedAt = time.GetTimestamp();

    /// <summary>It ended.</summary>
    /// <returns>The pause before its next start, twice as long as the one before; null: it is not worth another try.</returns>
    public TimeSpan? NoteEnd()
    {
        _ends = time.GetElapsedTime(_startedAt) >= Steady ? 1 : _ends + 1;
        return _ends >= MostEnds ? null : FirstPause * (1 << (_ends - 1));
    }
}
