using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Grains.Postgres.Live;

/// <summary>Embedding requests that a gateway has at one silo. Its owner's lock guards it, but for the outcomes.</summary>
internal sealed class PendingEmbeddings
{
    private readonly Dictionary<GenerationId, (byte[] Request, TaskCompletionSource<EmbeddingOutcome> Outcome)> _pending = [];

    public int Count => _pending.Count;

    /// <summary>Requests as they are sent, for a connection that is new.</summary>
    public IEnumerable<byte[]> Requests => _pending.Values.Select(entry => entry.Request);

    /// <summary>Adds a request.</summary>
    public (byte[] Request, Task<EmbeddingOutcome> Outcome) Add(GenerationId id, byte[] body)
    {
        byte[] request = [.. LiveMessages.Request(LiveRequestKind.Embed, id, body.Length), .. body];
        var outcome = new TaskCompletionSource<EmbeddingOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending.Add(id, (request, outcome));
        return (request, outcome.Task);
    }

    /// <returns>False: it was answered, or is gone.</returns>
    public bool Remove(GenerationId id) => _pending.Remove(id);

    public void Answer(GenerationId id, EmbeddingOutcome outcome)
    {
        if (_pending.Remove(id, out (byte[] Request, TaskCompletionSource<EmbeddingOutcome> Outcome) entry))
        {
            entry.Outcome.TrySetResult(outcome);
        }
    }

    /// <summary>The silo is gone: whoever waits asks another.</summary>
    public void Fail()
    {
        foreach ((byte[] _, TaskCompletionSource<EmbeddingOutcome> outcome) in _pending.Values)
        {
            outcome.TrySetException(new IOException("The live path to the silo broke."));
        }

        _pending.Clear();
    }
}
