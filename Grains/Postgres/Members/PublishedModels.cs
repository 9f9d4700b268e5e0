using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Postgres.Sql;

namespace GlmCluster.Grains.Postgres.Members;

/// <summary>The models of the cluster: published ones are kept, those that some worker runs are offered. Thread-safe.</summary>
internal sealed class PublishedModels(PostgresStore store) : IModelDirectory
{
    private volatile ModelCard[] _offered = [];

    /// <summary>As it was at the last <see cref="Offer"/>.</summary>
    public ImmutableArray<ModelCard> Offered => ImmutableCollectionsMarshal.AsImmutableArray(_offered);

    public async ValueTask<bool> IsKnownAsync(string name, CancellationToken cancellationToken) =>
        await store.RunAsync(PostgresStore.ClientPatience, (connection, token) => ModelRows.IsKnownAsync(connection, name, token));

    public void Offer(IEnumerable<ModelCard> cards) =>
        _offered = [.. cards.OrderBy(card => card.Model.Name, StringComparer.Ordinal).ThenBy(card => card.PublishedAt)];

    public async ValueTask PublishAsync(ModelCard card, ReadOnlyMemory<byte> textAssets, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(card);
        string hash = Convert.ToHexStringLower(SHA256.HashData(textAssets.Span));
        if (!hash.Equals(card.TextAssetsHash, StringComparison.Ordinal))
        {
            throw new ArgumentException(
                $"The text assets of model '{card.Model.Name}' have the hash {hash}; its card says {card.TextAssetsHash}.", nameof(textAssets));
        }

        await store.TransactAsync(
            PostgresStore.ClientPatience, (connection, token) => ModelRows.PublishAsync(connection, card, textAssets, token));
    }

    public async ValueTask<ReadOnlyMemory<byte>> ReadTextAssetsAsync(string hash, CancellationToken cancellationToken) =>
        await store.RunAsync(PostgresStore.ClientPatience, (connection, token) => ModelRows.TextAssetsAsync(connection, hash, token))
            ?? throw new KeyNotFoundException($"No text assets with the hash '{hash}' were published.");
}
