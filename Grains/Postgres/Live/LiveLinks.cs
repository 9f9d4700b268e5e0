using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.Postgres.Live;

/// <summary>A gateway's live paths, one per silo.</summary>
internal sealed class LiveLinks(
    ILiveConnector connector, ReadOnlyMemory<byte> secret, Func<Uri, Task> onAbsent, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Uri, Lazy<LiveLink>> _links = new();

    public LiveLink To(Uri url) =>
        _links.GetOrAdd(url, _ => new Lazy<LiveLink>(() => new LiveLink(url, connector, secret, onAbsent, time, logger))).Value;

    /// <summary>Closes the paths to silos that have no unsealed worker any more.</summary>
    public async Task KeepAsync(IReadOnlySet<Uri> urls)
    {
        foreach (Uri url in _links.Keys)
        {
            if (!urls.Contains(url) && _links.TryRemove(url, out Lazy<LiveLink>? link))
            {
                await link.Value.DisposeAsync();
            }
        }
    }

    public async ValueTask DisposeAsync() => await KeepAsync(new HashSet<Uri>());
}
