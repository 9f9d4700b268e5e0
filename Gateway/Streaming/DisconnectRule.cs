using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Streaming;

/// <summary>What happens when a client goes away. This file is the whole rule; everything else only forwards tokens.</summary>
/// <remarks>
/// <list type="number">
/// <item>A request has two tokens. <see cref="RequestTokens.Aborted"/>, the client left, guards writes to the client.
/// <see cref="RequestTokens.Generation"/>, the client left or the host is stopping, goes down to the fabric.</item>
/// <item>When <see cref="RequestTokens.Generation"/> fires, reading ends and the event enumerator is disposed. That is all the gateway
/// does: the fabric then applies the policy that the request was admitted with, once its last reader is gone.</item>
/// <item>A stream is admitted with <see cref="DisconnectPolicy.Park"/>: its client can come back with <c>Last-Event-ID</c>; so is a request with an
/// <c>Idempotency-Key</c>, which can be sent again. Any other one is admitted with <see cref="DisconnectPolicy.Cancel"/>: nobody could fetch its answer.</item>
/// <item>When the host stops the client is still there: a stream gets a failure event, any other request a 503.</item>
/// </list>
/// </remarks>
internal static class DisconnectRule
{
    public static DisconnectPolicy For(bool streams, bool hasKey) => streams || hasKey ? DisconnectPolicy.Park : DisconnectPolicy.Cancel;
}

/// <summary>The two tokens of one request.</summary>
internal sealed class RequestTokens : IDisposable
{
    private readonly CancellationTokenSource _generation;
    private readonly CancellationToken _stopping;

    public RequestTokens(HttpContext http, IHostApplicationLifetime lifetime)
    {
        Aborted = http.RequestAborted;
        _stopping = lifetime.ApplicationStopping;
        _generation = CancellationTokenSource.CreateLinkedTokenSource(Aborted, _stopping);
    }

    /// <summary>The client left.</summary>
    public CancellationToken Aborted { get; }

    /// <summary>The client left, or the host is stopping.</summary>
    public CancellationToken Generation => _generation.Token;

    /// <summary>The host is stopping and the client is still there to be told.</summary>
    public bool IsStopping => _stopping.IsCancellationRequested && !Aborted.IsCancellationRequested;

    public void Dispose() => _generation.Dispose();
}
