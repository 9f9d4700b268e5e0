using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.Grains.Abstractions.Embeddings;

/// <summary>Turns texts into vectors. Nothing is stored: who gets no answer asks again, anywhere, and gets the same.</summary>
/// <remarks>A worker implements it over its engine, a fabric over the workers of a model. Thread-safe.</remarks>
public interface IEmbedder
{
    /// <summary>Asks for the vectors of some texts.</summary>
    /// <param name="request">All of it is answered or refused.</param>
    /// <param name="cancellationToken">Gives it up; what has not begun is taken out of the queue.</param>
    ValueTask<EmbeddingOutcome> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken);
}

/// <summary>The silo's side.</summary>
public interface IEmbeddingFabric
{
    /// <summary>Offers an embedding model whose card was published; requests for it come to the embedder from now on.</summary>
    /// <exception cref="InvalidOperationException">The card's model was not published.</exception>
    ValueTask<IEmbeddingSession> JoinAsync(WorkerCard card, IEmbedder embedder, CancellationToken cancellationToken);
}

/// <summary>An embedder's membership; disposing leaves.</summary>
public interface IEmbeddingSession : IAsyncDisposable
{
    /// <summary>Completes once it left or was taken for dead.</summary>
    Task Ended { get; }

    /// <summary>Reports life and load, as a worker that generates does.</summary>
    ValueTask BeatAsync(WorkerBeat beat, CancellationToken cancellationToken);
}

/// <summary>Texts of one caller, as ids.</summary>
/// <param name="Model">Which model.</param>
/// <param name="Caller">Whose share of the worker it counts for.</param>
/// <param name="Texts">At least one; each has at least one id, all below the vocabulary's size, and at most as many as the card states.</param>
public sealed record EmbeddingRequest(ModelReference Model, string Caller, ImmutableArray<ImmutableArray<int>> Texts);

/// <summary>What became of a request.</summary>
public abstract record EmbeddingOutcome;

/// <summary>One vector for each text, in order, of as many numbers as the card states.</summary>
public sealed record Embedded(ImmutableArray<ReadOnlyMemory<float>> Vectors) : EmbeddingOutcome;

/// <summary>There are no vectors.</summary>
public sealed record EmbeddingRefused(GenerationFault Fault) : EmbeddingOutcome;
