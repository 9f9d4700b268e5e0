using System.Collections.Concurrent;
using GlmCluster.Grains.Postgres;

namespace GlmCluster.Gateway.Cluster;

/// <summary>The silo's end of the live path: one HTTP/2 request per gateway, open in both directions.</summary>
/// <remarks>A GET gets a challenge; the POST that answers it stays open. A challenge is good for one answer.</remarks>
public sealed class LiveEndpoint
{
    private const string PathPrefix = "/glm-live/";

    private const int MostChallenges = 1024;

    private readonly ConcurrentDictionary<string, bool> _challenges = new();
    private volatile PostgresFabric? _fabric;

    /// <summary>Another one at each start, so that a later process at the same port is not taken for this one.</summary>
    public string Path { get; } = $"{PathPrefix}{Guid.NewGuid():N}";

    public void Map(IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        endpoints.MapGet(Path, (RequestDelegate)ChallengeAsync);
        endpoints.MapPost(Path, (RequestDelegate)ServeAsync);
    }

    /// <summary>From here on gateways are served. They learn the path from the fabric, so none comes earlier.</summary>
    public void Open(PostgresFabric fabric) => _fabric = fabric;

    private Task ChallengeAsync(HttpContext http)
    {
        if (_challenges.Count >= MostChallenges)
        {
            _challenges.Clear(); // whoever is in the middle of it starts again
        }

        string challenge = LiveHandshake.NewChallenge();
        _challenges[challenge] = true;
        http.Response.Headers[LiveHandshake.ChallengeHeader] = challenge;
        return Task.CompletedTask;
    }

    private async Task ServeAsync(HttpContext http)
    {
        if (_fabric is not { } fabric)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        string[] challenges = http.Request.Headers[LiveHandshake.ChallengeHeader].ToString().Split(' ');
        if (challenges is not [var own, var theirs]
            || !_challenges.TryRemove(own, out _)
            || !LiveHandshake.Matches(
                LiveHandshake.Prove(fabric.Secret.Span, isSilo: false, own, theirs), http.Request.Headers[LiveHandshake.ProofHeader]))
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        http.Response.Headers[LiveHandshake.ProofHeader] = LiveHandshake.Prove(fabric.Secret.Span, isSilo: true, own, theirs);
        await http.Response.StartAsync(http.RequestAborted);
        await fabric.ServeLiveAsync(http.Request.Body, http.Response.Body, http.RequestAborted);
    }
}
