using System.Net;

namespace GlmCluster.Gateway.Cluster;

/// <summary>A request body that is written to as long as the request is open.</summary>
internal sealed class OpenRequestContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes once the request has gone out.</summary>
    public Task<Stream> Opened => _opened.Task;

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.FlushAsync();
        _opened.TrySetResult(stream);
        await _closed.Task;
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        _closed.TrySetResult();
        _opened.TrySetCanceled();
        base.Dispose(disposing);
    }
}
