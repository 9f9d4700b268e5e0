using System.Collections.Concurrent;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Embeddings;
using GlmCluster.Grains.Logs;

namespace GlmCluster.Grains.Postgres.Live;

/// <summary>The silo's side of the live path: the logs of what runs here, and the gateways that follow them. Thread-safe.</summary>
internal sealed class LiveFeed
{
    private readonly ConcurrentDictionary<GenerationId, TokenLog> _logs = new();
    private readonly ConcurrentDictionary<LiveSubscriber, bool> _subscribers = new();

    /// <summary>Who answers embedding requests here.</summary>
    public LocalEmbedders Embedders { get; } = new();

    public void Add(GenerationId id, TokenLog log)
    {
        _logs[id] = log;
        Signal();
    }

    /// <summary>Takes a log out; whoever follows it gets the rest of it, and its end or that it is gone.</summary>
    public void Remove(GenerationId id)
    {
        if (_logs.TryRemove(id, out TokenLog? log) && log.Ended is null)
        {
            log.Close();
        }

        Signal();
    }

    public TokenLog? Find(GenerationId id) => _logs.GetValueOrDefault(id);

    /// <summary>Something was written.</summary>
    public void Signal()
    {
        foreach (LiveSubscriber subscriber in _subscribers.Keys)
        {
            subscriber.Signal();
        }
    }

    /// <summary>Serves one gateway until it leaves.</summary>
    public async Task ServeAsync(Stream requests, Stream messages, CancellationToken cancellationToken)
    {
        using var subscriber = new LiveSubscriber(this, requests, messages);
        _subscribers[subscriber] = true;
        try
        {
            await subscriber.RunAsync(cancellationToken);
        }
        finally
        {
            _subscribers.TryRemove(subscriber, out _);
        }
    }
}
