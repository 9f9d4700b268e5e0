using System.IO.Pipelines;
using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Postgres.Live;

namespace GlmCluster.Grains.Tests.Postgres;

/// <summary>Live paths through memory, to the fabrics that are open in this process.</summary>
public sealed class LocalLiveConnector : ILiveConnector
{
    private readonly Lock _lock = new(); // guards _silos
    private readonly Dictionary<Uri, (PostgresFabric Fabric, CancellationTokenSource Stopping)> _silos = [];

    public void Open(Uri url, PostgresFabric fabric)
    {
        lock (_lock)
        {
            _silos[url] = (fabric, new CancellationTokenSource());
        }
    }

    /// <summary>As when the silo's process ends: its connections break, and nobody listens any more.</summary>
    public async Task CloseAsync(Uri url)
    {
        CancellationTokenSource? stopping = null;
        lock (_lock)
        {
            if (_silos.Remove(url, out (PostgresFabric Fabric, CancellationTokenSource Stopping) silo))
            {
                stopping = silo.Stopping;
            }
        }

        if (stopping is not null)
        {
            await stopping.CancelAsync();
        }
    }

    public Task<LiveConnection> ConnectAsync(Uri url, ReadOnlyMemory<byte> secret, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!_silos.TryGetValue(url, out (PostgresFabric Fabric, CancellationTokenSource Stopping) silo))
            {
                throw new LiveAbsentException($"nobody listens at {url}");
            }

            var requests = new Pipe();
            var messages = new Pipe();
            _ = ServeAsync(silo.Fabric, requests.Reader.AsStream(), messages.Writer.AsStream(), silo.Stopping.Token);
            return Task.FromResult(new LiveConnection(requests.Writer.AsStream(), messages.Reader.AsStream(), owner: null));
        }
    }

    private static async Task ServeAsync(PostgresFabric fabric, Stream requests, Stream messages, CancellationToken stopping)
    {
        await using (requests)
        await using (messages)
        {
            await fabric.ServeLiveAsync(requests, messages, stopping);
        }
    }
}
