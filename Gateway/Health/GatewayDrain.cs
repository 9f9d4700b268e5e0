namespace GlmCluster.Gateway.Health;

/// <summary>A gateway that is about to end: it says so, and serves on until no request is open. Thread-safe.</summary>
public sealed class GatewayDrain
{
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new(); // guards _open
    private int _open;
    private volatile bool _isDraining;

    internal bool IsDraining => _isDraining;

    /// <summary>From here on <c>/ready</c> says no. Returns once no request is open, or when cancelled.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _isDraining = true;
            if (_open == 0)
            {
                _idle.TrySetResult();
            }
        }

        try
        {
            await _idle.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
    }

    /// <summary>Middleware that counts requests. Clients are told to take another connection, so that the next request can come to another gateway.</summary>
    internal async Task CountAsync(HttpContext http, RequestDelegate next)
    {
        lock (_lock)
        {
            _open++;
        }

        try
        {
            if (IsDraining && HttpProtocol.IsHttp11(http.Request.Protocol))
            {
                http.Response.Headers.Connection = "close";
            }

            await next(http);
        }
        finally
        {
            lock (_lock)
            {
                if (--_open == 0 && IsDraining)
                {
                    _idle.TrySetResult();
                }
            }
        }
    }
}
