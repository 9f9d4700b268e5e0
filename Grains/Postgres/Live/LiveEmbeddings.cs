using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Embeddings;
using GlmCluster.Grains.Logs;

namespace GlmCluster.Grains.Postgres.Live;

/// <summary>Embedding requests of one gateway at a silo. Thread-safe.</summary>
/// <param name="members">Who answers them.</param>
/// <param name="changed">Set when an answer is ready to be sent.</param>
internal sealed class LiveEmbeddings(LocalEmbedders members, AsyncSignal changed)
{
    private readonly ConcurrentDictionary<GenerationId, CancellationTokenSource> _running = new();
    private readonly ConcurrentQueue<(GenerationId Id, byte[] Outcome)> _done = new();

    /// <summary>Starts a request.</summary>
    /// <param name="id">The gateway's number for it.</param>
    /// <param name="body">As <see cref="EmbeddingCodec"/> writes it.</param>
    /// <param name="left">Cancelled when the gateway leaves.</param>
    public void Start(GenerationId id, ReadOnlySpan<byte> body, CancellationToken left)
    {
        EmbeddingRequest request = EmbeddingCodec.DecodeRequest(body);
        var cancellation = CancellationTokenSource.CreateLinkedTokenSource(left);
        _running[id] = cancellation;
        _ = RunAsync(id, request, cancellation);
    }

    public void Cancel(GenerationId id)
    {
        if (_running.TryGetValue(id, out CancellationTokenSource? cancellation))
        {
            try
            {
                cancellation.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It ended meanwhile.
            }
        }
    }

    /// <summary>Writes the answers that are ready.</summary>
    public void Collect(ArrayBufferWriter<byte> output)
    {
        while (_done.TryDequeue(out (GenerationId Id, byte[] Outcome) answer))
        {
            LiveMessages.WriteEmbedded(output, answer.Id, answer.Outcome);
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever failed here, the gateway is told that this silo does not answer.")]
    private async Task RunAsync(GenerationId id, EmbeddingRequest request, CancellationTokenSource cancellation)
    {
        await Task.Yield();
        EmbeddingOutcome outcome;
        try
        {
            outcome = members.Find(request.Model) is { } embedder
                ? await embedder.EmbedAsync(request, cancellation.Token)
                : EmbeddingFaults.NoWorker(request.Model);
        }
        catch (Exception)
        {
            outcome = EmbeddingFaults.Lost(request.Model);
        }

        _running.TryRemove(id, out _);
        if (!cancellation.IsCancellationRequested)
        {
            _done.Enqueue((id, EmbeddingCodec.Encode(outcome)));
            changed.Set();
        }

        cancellation.Dispose();
    }
}
