using GlmCluster.Grains.Postgres.Sql;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Members;

/// <summary>The one connection that listens. After every break it says so, because wake-ups were lost meanwhile.</summary>
internal sealed class NotificationListener : IAsyncDisposable
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(200);

    private readonly NpgsqlDataSource _source;
    private readonly Action<string, string> _onNotification;
    private readonly Action _onConnected;
    private readonly string _listen;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;

    /// <param name="source">Where to connect.</param>
    /// <param name="channels">What to listen to.</param>
    /// <param name="onNotification">Told channel and payload; must not wait.</param>
    /// <param name="onConnected">Told after every connect: anything may have happened before.</param>
    /// <param name="logger">Where events go.</param>
    public NotificationListener(
        NpgsqlDataSource source, IEnumerable<string> channels, Action<string, string> onNotification, Action onConnected, ILogger logger)
    {
        _source = source;
        _listen = string.Join("; ", channels.Select(channel => $"listen {channel}"));
        _onNotification = onNotification;
        _onConnected = onConnected;
        _logger = logger;
    }

    /// <summary>Returns once it listens.</summary>
    public async Task StartAsync()
    {
        var listening = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _running = RunAsync(listening, _stopping.Token);
        await listening.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
    }

    private async Task RunAsync(TaskCompletionSource listening, CancellationToken stopping)
    {
        bool isTold = false; // once for each time that the database is away
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(
                    () =>
                    {
                        isTold = false;
                        listening.TrySetResult();
                    },
                    stopping);
            }
            catch (NpgsqlException broken) when (!stopping.IsCancellationRequested)
            {
                if (!isTold)
                {
                    _logger.ListenerBroken(broken.Message);
                    isTold = true;
                }

                await Task.Delay(RetryDelay, stopping).ContinueWith(_ => { }, TaskScheduler.Default);
            }
            catch (Exception) when (stopping.IsCancellationRequested)
            {
                listening.TrySetCanceled(stopping);
            }
        }
    }

    private async Task ListenAsync(Action onListening, CancellationToken stopping)
    {
        await using NpgsqlConnection connection = await _source.OpenConnectionAsync(stopping);
        connection.Notification += (_, notification) => _onNotification(notification.Channel, notification.Payload);
        await connection.ExecuteAsync(_listen, stopping);
        onListening();
        _onConnected();
        while (true)
        {
            await connection.WaitAsync(stopping);
        }
    }
}
