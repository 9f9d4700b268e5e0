using GlmCluster.Grains.Abstractions.Generations;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Sql;

/// <summary>Short forms of the commands the fabric needs. Values always travel as parameters <c>$1</c>, <c>$2</c>, ….</summary>
internal static class NpgsqlCommands
{
    /// <returns>Rows changed.</returns>
    public static async Task<int> ExecuteAsync(
        this NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object?[] values)
    {
        await using NpgsqlCommand command = Command(connection, sql, values);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <returns>The first column of the first row; null: no row, or null.</returns>
    public static async Task<object?> ScalarAsync(
        this NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object?[] values)
    {
        await using NpgsqlCommand command = Command(connection, sql, values);
        object? value = await command.ExecuteScalarAsync(cancellationToken);
        return value is DBNull ? null : value;
    }

    public static async Task<List<T>> QueryAsync<T>(
        this NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params object?[] values)
    {
        await using NpgsqlCommand command = Command(connection, sql, values);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.RowsAsync(read, cancellationToken);
    }

    /// <summary>Reads the rest of the current result.</summary>
    public static async Task<List<T>> RowsAsync<T>(this NpgsqlDataReader reader, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    /// <summary>Adds a statement to a batch, which travels as one.</summary>
    public static NpgsqlBatch With(this NpgsqlBatch batch, string sql, params object?[] values)
    {
        var command = new NpgsqlBatchCommand(sql);
        AddValues(command.Parameters, values);
        batch.BatchCommands.Add(command);
        return batch;
    }

    public static string? TextOrNull(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    public static byte[] Bytes(this NpgsqlDataReader row, int column) => row.GetFieldValue<byte[]>(column);

    public static GenerationId Id(this NpgsqlDataReader row, int column) => GenerationId.Parse(row.GetString(column));

    public static GenerationId? IdOrNull(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.Id(column);

    public static string[] Texts(this IEnumerable<GenerationId> ids) => [.. ids.Select(id => id.ToString())];

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, object?[] values)
    {
        var command = new NpgsqlCommand(sql, connection);
        AddValues(command.Parameters, values);
        return command;
    }

    private static void AddValues(NpgsqlParameterCollection parameters, object?[] values)
    {
        foreach (object? value in values)
        {
            parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value });
        }
    }
}
