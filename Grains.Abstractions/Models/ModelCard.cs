using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Grains.Abstractions.Models;

/// <summary>Routes a request: weights can be rolled out under one name.</summary>
/// <param name="Name">As clients write it.</param>
/// <param name="ContentHash">SHA-256 (hex) over weights, config, tokenizer and template.</param>
public sealed record ModelReference(string Name, string ContentHash);

/// <summary>What gateways must know of a model, published by the silos that run it.</summary>
public sealed record ModelCard
{
    public required ModelReference Model { get; init; }

    /// <summary>Family, for example <c>glm</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Prompt and answer together, in tokens.</summary>
    public required int ContextTokens { get; init; }

    /// <summary>Ids below this are valid.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Ids that end an answer.</summary>
    public required ImmutableArray<int> StopIds { get; init; }

    /// <summary>The checkpoint's own sampling, for requests that name none.</summary>
    public required SamplingSettings DefaultSampling { get; init; }

    /// <summary>SHA-256 (hex) of the blob with tokenizer, template and their settings.</summary>
    public required string TextAssetsHash { get; init; }

    /// <summary>How weights are kept, for example <c>f32</c> or <c>int8</c>.</summary>
    public required string WeightFormat { get; init; }

    /// <summary>Shown to clients as <c>system_fingerprint</c>; null until the worker has computed it.</summary>
    public string? NumericsClass { get; init; }

    /// <summary>Set for models that make vectors of texts and generate nothing; their context is the most tokens of a text.</summary>
    public EmbeddingCard? Embedding { get; init; }

    public required DateTimeOffset PublishedAt { get; init; }
}

/// <summary>What is special about an embedding model.</summary>
/// <param name="Dimensions">Numbers of a vector.</param>
/// <param name="Normalizes">Whether vectors have length 1.</param>
public sealed record EmbeddingCard(int Dimensions, bool Normalizes);

/// <summary>Which models can be asked for now.</summary>
public interface IModelDirectory
{
    /// <summary>Models with at least one live worker, by name. Cheap: read on every request.</summary>
    ImmutableArray<ModelCard> Offered { get; }

    /// <summary>Whether a model of this name was ever published; one that is not offered may come back.</summary>
    ValueTask<bool> IsKnownAsync(string name, CancellationToken cancellationToken);

    /// <summary>Stores a card and its text assets; called by a worker before it joins.</summary>
    /// <exception cref="ArgumentException">The assets do not have the hash that the card names.</exception>
    ValueTask PublishAsync(ModelCard card, ReadOnlyMemory<byte> textAssets, CancellationToken cancellationToken);

    /// <summary>Reads text assets by hash.</summary>
    /// <exception cref="KeyNotFoundException">No silo published them.</exception>
    ValueTask<ReadOnlyMemory<byte>> ReadTextAssetsAsync(string hash, CancellationToken cancellationToken);
}
