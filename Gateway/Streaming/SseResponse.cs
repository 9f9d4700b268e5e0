using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace GlmCluster.Gateway.Streaming;

/// <summary>A response that is an event stream: its headers, its flushes, and comment lines while nothing else flows.</summary>
/// <remarks>
/// The owner writes to <see cref="Output"/> whenever it is not inside <see cref="FlushAndWaitAsync"/>; only there pings may be written.
/// Only whole frames are flushed: some clients decode every network chunk by itself.
/// </remarks>
internal sealed class SseResponse : IAsyncDisposable
{
    /// <summary>Bytes that may gather before a flush although more events are there already.</summary>
    private const int FlushBytes = 16 << 10;

    private readonly PipeWriter _output;
    private readonly TimeProvider _time;
    private readonly TimeSpan _pingAfter;
    private readonly TimeSpan _slowReaderTimeout;
    private readonly Action _abort;
    private readonly CancellationToken _aborted;
    private readonly SemaphoreSlim _gate = new(0, 1); // held by whoever may write; the owner starts with it
    private readonly CancellationTokenSource _ended;
    private readonly Task _pings;
    private long _lastFlush;

    private SseResponse(HttpResponse response, TimeProvider time, GatewayOptions options, CancellationToken aborted)
    {
        _output = response.BodyWriter;
        _time = time;
        _pingAfter = options.PingAfter;
        _slowReaderTimeout = options.SlowReaderTimeout;
        _abort = response.HttpContext.Abort;
        _aborted = aborted;
        _lastFlush = time.GetTimestamp();
        _ended = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        _pings = PingAsync(_ended.Token);
    }

    /// <summary>Where frames are written.</summary>
    public IBufferWriter<byte> Output => _output;

    /// <summary>Whether more frames may be written before a flush.</summary>
    public bool HasRoom => _output.UnflushedBytes < FlushBytes;

    /// <summary>Sets the headers; they go out with the first flush.</summary>
    public static SseResponse Start(HttpResponse response, TimeProvider time, GatewayOptions options, CancellationToken aborted)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        return new SseResponse(response, time, options, aborted);
    }

    public void WritePing() => _output.Write(": ping\n\n"u8);

    /// <summary>Flushes, then waits for the stream's next thing, with pings if that takes long.</summary>
    /// <remarks>Always waits for <paramref name="next"/>, also when the flush fails: its source must not be disposed under it.</remarks>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<T> FlushAndWaitAsync<T>(ValueTask<T> next)
    {
        T result;
        try
        {
            await FlushAsync();
        }
        finally
        {
            _gate.Release();
            try
            {
                result = await next;
            }
            finally
            {
                await _gate.WaitAsync(CancellationToken.None);
            }
        }

        return result;
    }

    /// <summary>Sends what is left and stops the pings.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        await _pings;
        try
        {
            await FlushAsync();
        }
        catch (OperationCanceledException) when (_aborted.IsCancellationRequested)
        {
            // The client left; there is nobody to send it to.
        }

        _ended.Dispose();
        _gate.Dispose();
    }

    private async ValueTask FlushAsync()
    {
        ValueTask<FlushResult> flush = _output.FlushAsync(_aborted);
        if (flush.IsCompleted)
        {
            await flush;
        }
        else
        {
            await WaitForReaderAsync(flush.AsTask());
        }

        Volatile.Write(ref _lastFlush, _time.GetTimestamp());
    }

    /// <summary>The buffers to a client are full: it has some time to take from them, and then is taken for gone.</summary>
    private async Task WaitForReaderAsync(Task flush)
    {
        try
        {
            await flush.WaitAsync(_slowReaderTimeout, _time, CancellationToken.None);
        }
        catch (TimeoutException)
        {
            _abort();
            await flush; // the writer is not given back under it
            _aborted.ThrowIfCancellationRequested();
        }
    }

    private async Task PingAsync(CancellationToken ended)
    {
        try
        {
            while (true)
            {
                await Task.Delay(UntilPing(), _time, ended);
                await _gate.WaitAsync(ended);
                try
                {
                    if (Silence >= _pingAfter)
                    {
                        WritePing();
                        await FlushAsync();
                    }
                }
                finally
                {
                    _gate.Release();
                }
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The stream ended or the client left.
        }
    }

    /// <remarks>Whole milliseconds, rounded up: a timer drops the rest, and would then fire too early.</remarks>
    private TimeSpan UntilPing() =>
        TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling((_pingAfter - Silence).TotalMilliseconds)));

    private TimeSpan Silence => _time.GetElapsedTime(Volatile.Read(ref _lastFlush));
}
