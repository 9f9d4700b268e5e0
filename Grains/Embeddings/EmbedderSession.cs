using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.Grains.Embeddings;

/// <summary>An embedder's membership: that of a worker which is never given a generation, for its model's card says so.</summary>
internal sealed class EmbedderSession : IEmbeddingSession
{
    private readonly IWorkerSession _session;
    private readonly LocalEmbedders _members;
    private readonly WorkerCard _card;
    private readonly IEmbedder _embedder;
    private readonly CancellationTokenSource _leaving = new();

    public EmbedderSession(IWorkerSession session, LocalEmbedders members, WorkerCard card, IEmbedder embedder)
    {
        (_session, _members, _card, _embedder) = (session, members, card, embedder);
        _members.Add(card.Model, embedder);
        Ended = WatchAsync(_leaving.Token);
    }

    public Task Ended { get; }

    public ValueTask BeatAsync(WorkerBeat beat, CancellationToken cancellationToken) => _session.BeatAsync(beat, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _members.Remove(_card.Model, _embedder);
        await _leaving.CancelAsync();
        await _session.DisposeAsync();
        await Ended;
    }

    private async Task WatchAsync(CancellationToken leaving)
    {
        try
        {
            await foreach (WorkerCommand _ in _session.CommandsAsync(leaving))
            {
                // None comes.
            }
        }
        catch (OperationCanceledException) when (leaving.IsCancellationRequested)
        {
            // It leaves.
        }

        _members.Remove(_card.Model, _embedder);
    }
}
