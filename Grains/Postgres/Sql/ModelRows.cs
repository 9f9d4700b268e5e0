using System.Text.Json;
using GlmCluster.Grains.Abstractions.Json;
using GlmCluster.Grains.Abstractions.Models;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Sql;

/// <summary>Model cards and their text assets.</summary>
internal static class ModelRows
{
    public static async Task<int> PublishAsync(
        NpgsqlConnection connection, ModelCard card, ReadOnlyMemory<byte> textAssets, CancellationToken cancellationToken)
    {
        await connection.ExecuteAsync(
            "insert into glm.text_assets (hash, body) values ($1, $2) on conflict do nothing",
            cancellationToken,
            card.TextAssetsHash,
            textAssets.ToArray());
        return await connection.ExecuteAsync(
            """
            insert into glm.model_cards (name, content_hash, card) values ($1, $2, $3)
            on conflict (name, content_hash) do update set card = excluded.card
            """,
            cancellationToken,
            card.Model.Name,
            card.Model.ContentHash,
            JsonSerializer.Serialize(card, ContractsJsonContext.Default.ModelCard));
    }

    /// <summary>Cards of models that have an unsealed worker.</summary>
    public static Task<List<ModelCard>> OfferedAsync(NpgsqlConnection connection, CancellationToken cancellationToken) => connection.QueryAsync(
        """
        select card from glm.model_cards c where exists (
            select 1 from glm.incarnations i where i.model_name = c.name and i.model_hash = c.content_hash and not i.is_sealed)
        """,
        row => JsonSerializer.Deserialize(row.GetString(0), ContractsJsonContext.Default.ModelCard)
            ?? throw new InvalidDataException("A stored model has no card."),
        cancellationToken);

    public static async Task<bool> IsPublishedAsync(NpgsqlConnection connection, ModelReference model, CancellationToken cancellationToken) =>
        await connection.ScalarAsync(
            "select true from glm.model_cards where name = $1 and content_hash = $2", cancellationToken, model.Name, model.ContentHash) is true;

    /// <summary>Whether a model of this name was ever published, with any weights.</summary>
    public static async Task<bool> IsKnownAsync(NpgsqlConnection connection, string name, CancellationToken cancellationToken) =>
        await connection.ScalarAsync("select true from glm.model_cards where name = $1 limit 1", cancellationToken, name) is true;

    public static async Task<byte[]?> TextAssetsAsync(NpgsqlConnection connection, string hash, CancellationToken cancellationToken) =>
        await connection.ScalarAsync("select body from glm.text_assets where hash = $1", cancellationToken, hash) as byte[];
}
