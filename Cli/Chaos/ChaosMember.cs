using GlmCluster.Cli.LocalCluster;

namespace GlmCluster.Cli.Chaos;

/// <summary>A gateway or silo to which things happen. One fault at a time.</summary>
internal sealed class ChaosMember(ClusterMember process, DatabaseProxy database) : IAsyncDisposable
{
    private static readonly TimeSpan MostDrainTime = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(500);

    private readonly SemaphoreSlim _free = new(1, 1);

    public Uri? Url => process.Url;

    /// <summary>Starts it, again and again while it cannot: its database may be away.</summary>
    public async Task StartAsync(int attempts, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await process.StartAsync(cancellationToken);
                return;
            }
            catch (LocalClusterException) when (attempt < attempts)
            {
                await process.DisposeAsync();
                await Task.Delay(Between, cancellationToken);
            }
        }
    }

    /// <summary>Runs a fault, unless another one is running here.</summary>
    /// <returns>Whether it ran.</returns>
    public async Task<bool> TryAsync(Func<ChaosMember, Task> fault)
    {
        if (!await _free.WaitAsync(TimeSpan.Zero))
        {
            return false;
        }

        try
        {
            await fault(this);
            return true;
        }
        finally
        {
            _free.Release();
        }
    }

    /// <summary>The process dies at once and comes back after a while.</summary>
    public async Task KillAsync(TimeSpan away, CancellationToken cancellationToken)
    {
        await process.SignalAsync("KILL");
        await RestartAsync(away, cancellationToken);
    }

    /// <summary>The process is told to end in good order.</summary>
    /// <exception cref="ChaosException">It did not.</exception>
    public async Task StopAsync(TimeSpan away, CancellationToken cancellationToken)
    {
        await process.SignalAsync("TERM");
        int exitCode = await process.Exited.WaitAsync(MostDrainTime, cancellationToken);
        if (exitCode != 0)
        {
            throw new ChaosException($"A process that was told to stop ended with exit code {exitCode}.");
        }

        await RestartAsync(away, cancellationToken);
    }

    /// <summary>The process stands still for a while.</summary>
    public async Task FreezeAsync(TimeSpan time)
    {
        await process.SignalAsync("STOP");
        await Task.Delay(time);
        await process.SignalAsync("CONT");
    }

    /// <summary>The process cannot reach the database for a while.</summary>
    public async Task CutAsync(TimeSpan time)
    {
        database.Cut();
        await Task.Delay(time);
        database.Mend();
    }

    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        await database.DisposeAsync();
        _free.Dispose();
    }

    private async Task RestartAsync(TimeSpan away, CancellationToken cancellationToken)
    {
        await process.Exited;
        await process.DisposeAsync();
        await Task.Delay(away, cancellationToken);
        await StartAsync(attempts: 60, cancellationToken);
    }
}
