using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;

namespace GlmCluster.Gateway.Dialects.OpenAI.Embeddings;

/// <summary>Writes the answer of <c>/v1/embeddings</c>, a text at a time.</summary>
internal static class EmbeddingsWire
{
    /// <summary>Bytes that are buffered before they are sent.</summary>
    private const int FlushBytes = 64 << 10;

    /// <param name="response">Written to, its content type too.</param>
    /// <param name="model">As the client called it.</param>
    /// <param name="vectors">In the order of the inputs.</param>
    /// <param name="dimensions">Numbers that are wanted, the first ones; null: all.</param>
    /// <param name="normalizes">Whether a shortened vector gets length 1 again.</param>
    /// <param name="isBase64">Whether vectors are base64 of little-endian floats; else arrays of numbers.</param>
    /// <param name="tokens">Of all texts.</param>
    /// <param name="aborted">The client left.</param>
    public static async Task WriteAsync(
        HttpResponse response,
        string model,
        ImmutableArray<ReadOnlyMemory<float>> vectors,
        int? dimensions,
        bool normalizes,
        bool isBase64,
        int tokens,
        CancellationToken aborted)
    {
        response.ContentType = "application/json; charset=utf-8";
        await using var json = new Utf8JsonWriter(response.BodyWriter, new JsonWriterOptions { Encoder = OpenAIJson.Encoder });
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        for (int i = 0; i < vectors.Length; i++)
        {
            json.WriteStartObject();
            json.WriteString("object", "embedding");
            json.WriteNumber("index", i);
            json.WritePropertyName("embedding");
            WriteVector(json, Shorten(vectors[i], dimensions, normalizes).Span, isBase64);
            json.WriteEndObject();
            if (json.BytesPending > FlushBytes)
            {
                await json.FlushAsync(aborted);
            }
        }

        json.WriteEndArray();
        json.WriteString("model", model);
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", tokens);
        json.WriteNumber("completion_tokens", 0);
        json.WriteNumber("total_tokens", tokens);
        json.WriteEndObject();
        json.WriteEndObject();
        await json.FlushAsync(aborted);
    }

    private static void WriteVector(Utf8JsonWriter json, ReadOnlySpan<float> vector, bool isBase64)
    {
        if (isBase64)
        {
            byte[] bytes = new byte[vector.Length * sizeof(float)];
            for (int i = 0; i < vector.Length; i++)
            {
                BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), vector[i]);
            }

            json.WriteBase64StringValue(bytes);
            return;
        }

        json.WriteStartArray();
        foreach (float value in vector)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
    }

    private static ReadOnlyMemory<float> Shorten(ReadOnlyMemory<float> vector, int? dimensions, bool normalizes)
    {
        if (dimensions is not { } count || count == vector.Length)
        {
            return vector;
        }

        float[] first = vector[..count].ToArray();
        double squares = first.Sum(value => (double)value * value);
        return normalizes && squares > 0 ? Array.ConvertAll(first, value => (float)(value / Math.Sqrt(squares))) : first;
    }
}
