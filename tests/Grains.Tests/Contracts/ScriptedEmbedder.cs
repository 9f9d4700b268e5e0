using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.Contracts;

/// <summary>An embedder that answers, refuses or waits as a test says.</summary>
internal sealed class ScriptedEmbedder : IEmbedder
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _given = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static ModelCard Card { get; } = SampleModel.Card("embedder") with { Embedding = new EmbeddingCard(3, Normalizes: true) };

    /// <summary>Refuse with this; null: answer.</summary>
    public GenerationFault? Fault { get; init; }

    /// <summary>Never answer.</summary>
    public bool Waits { get; init; }

    /// <summary>Completes once a request is here.</summary>
    public Task Asked => _asked.Task;

    /// <summary>Completes once a request was given up.</summary>
    public Task GivenUp => _given.Task;

    /// <summary>Numbers that survive no rounding: (first id / 3, length, -0).</summary>
    public static Embedded Answer(EmbeddingRequest request) =>
        new([.. request.Texts.Select(text => (ReadOnlyMemory<float>)new[] { text[0] / 3f, text.Length, -0f })]);

    public static EmbeddingRequest Request(params ImmutableArray<ImmutableArray<int>> texts) => new(Card.Model, "caller", texts);

    public static async Task<IEmbeddingSession> JoinAsync(IEmbeddingFabric fabric, IModelDirectory directory, IEmbedder embedder)
    {
        await directory.PublishAsync(Card, SampleModel.TextAssets, CancellationToken.None);
        return await fabric.JoinAsync(new WorkerCard("embedder", Card.Model, 1, 8, null), embedder, CancellationToken.None);
    }

    public async ValueTask<EmbeddingOutcome> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken)
    {
        _asked.TrySetResult();
        if (Waits)
        {
            await using CancellationTokenRegistration given = cancellationToken.Register(() => _given.TrySetResult());
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        return Fault is null ? Answer(request) : new EmbeddingRefused(Fault);
    }
}
