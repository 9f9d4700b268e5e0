using GlmCluster.Grains.Sqlite;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.InProcess;

/// <summary>Ends and removes what has outlived its time: every second in memory, every minute in the store.</summary>
internal sealed class ExpirySweep(
    InProcessFabricOptions options, SqliteStore store, Dispatcher dispatcher, EndCommitter ends, TimeProvider time, ILogger logger) : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StorePeriod = TimeSpan.FromMinutes(1);

    private ITimer? _timer;
    private ITimer? _storeTimer;

    /// <summary>Sweeps the store now, and both from now on.</summary>
    public void Start()
    {
        _timer = time.CreateTimer(_ => _ = ends.CommitAllAsync(dispatcher.Expire()), null, Period, Period);
        _storeTimer = time.CreateTimer(_ => _ = SweepStoreAsync(), null, StorePeriod, StorePeriod);
        _ = SweepStoreAsync();
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _storeTimer?.Dispose();
    }

    private async Task SweepStoreAsync()
    {
        try
        {
            DateTimeOffset now = time.GetUtcNow();
            (int conversations, int generations) = await store.ExpireAsync(now - options.ConversationTtl, now - options.ResumeWindow);
            if (conversations + generations > 0)
            {
                logger.Expired(conversations, generations);
            }
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException)
        {
            logger.ExpiryFailed(failure);
        }
    }
}
