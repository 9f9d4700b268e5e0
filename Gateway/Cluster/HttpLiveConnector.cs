using System.Net;
using System.Net.Sockets;
using GlmCluster.Grains.Postgres.Live;

namespace GlmCluster.Gateway.Cluster;

/// <summary>Opens live paths over HTTP/2, without TLS; both ends prove that they know the cluster's secret.</summary>
public sealed class HttpLiveConnector : ILiveConnector, IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(2),
        KeepAlivePingDelay = TimeSpan.FromSeconds(1),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(2),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    public async Task<LiveConnection> ConnectAsync(Uri url, ReadOnlyMemory<byte> secret, CancellationToken cancellationToken)
    {
        try
        {
            string siloChallenge = await AskAsync(url, cancellationToken);
            return await OpenAsync(url, secret, siloChallenge, cancellationToken);
        }
        catch (HttpRequestException failure)
        {
            throw failure.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused }
                ? new LiveAbsentException("nobody listens there any more", failure)
                : new IOException(failure.Message, failure);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<string> AskAsync(Uri url, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await _http.GetAsync(url, cancellationToken);
        Check(response);
        return response.Headers.TryGetValues(LiveHandshake.ChallengeHeader, out IEnumerable<string>? values)
            ? values.First()
            : throw new IOException("it is no silo");
    }

    private async Task<LiveConnection> OpenAsync(Uri url, ReadOnlyMemory<byte> secret, string siloChallenge, CancellationToken cancellationToken)
    {
        string challenge = LiveHandshake.NewChallenge();
        var content = new OpenRequestContent();
        var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        request.Headers.Add(LiveHandshake.ChallengeHeader, $"{siloChallenge} {challenge}");
        request.Headers.Add(LiveHandshake.ProofHeader, LiveHandshake.Prove(secret.Span, isSilo: false, siloChallenge, challenge));
        HttpResponseMessage? response = null;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            Check(response);
            string expected = LiveHandshake.Prove(secret.Span, isSilo: true, siloChallenge, challenge);
            if (!response.Headers.TryGetValues(LiveHandshake.ProofHeader, out IEnumerable<string>? proof) || !LiveHandshake.Matches(expected, proof.First()))
            {
                throw new IOException("it does not know the cluster's secret");
            }

            Stream requests = await content.Opened.WaitAsync(cancellationToken);
            return new LiveConnection(requests, await response.Content.ReadAsStreamAsync(cancellationToken), new Exchange(request, response));
        }
        catch
        {
            response?.Dispose();
            request.Dispose();
            throw;
        }
    }

    private static void Check(HttpResponseMessage response)
    {
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            throw new LiveAbsentException("another process listens there now");
        }

        if (!response.IsSuccessStatusCode)
        {
            throw new IOException($"it answers {(int)response.StatusCode}");
        }
    }

    private sealed class Exchange(HttpRequestMessage request, HttpResponseMessage response) : IDisposable
    {
        public void Dispose()
        {
            response.Dispose();
            request.Dispose();
        }
    }
}
