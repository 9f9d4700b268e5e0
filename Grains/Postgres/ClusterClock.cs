namespace GlmCluster.Grains.Postgres;

/// <summary>The time of the database, carried on by this process's monotonic clock: windows and expiry mean the same at every process.</summary>
/// <remarks>It decides how long things are kept, never who lives.</remarks>
internal sealed class ClusterClock(TimeProvider time, DateTimeOffset databaseNow)
{
    private readonly long _start = time.GetTimestamp();

    /// <summary>UTC ticks.</summary>
    public long Now => databaseNow.UtcTicks + time.GetElapsedTime(_start).Ticks;

    /// <summary>Waits; a cancelled wait only ends early.</summary>
    public Task DelayAsync(TimeSpan delay, CancellationToken cancellationToken) =>
        Task.Delay(delay, time, cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
}
