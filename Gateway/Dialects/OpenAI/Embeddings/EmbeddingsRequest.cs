using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace GlmCluster.Gateway.Dialects.OpenAI.Embeddings;

/// <summary>Body of <c>POST /v1/embeddings</c>.</summary>
internal sealed record EmbeddingsRequest
{
    /// <summary>Null: the only embedding model there is.</summary>
    public string? Model { get; init; }

    [JsonConverter(typeof(InputConverter))]
    public ImmutableArray<EmbeddingInput>? Input { get; init; }

    public string? EncodingFormat { get; init; }

    public int? Dimensions { get; init; }

    /// <summary>False: a text that is too long is refused, not cut. The field of text-embeddings-inference.</summary>
    public bool? Truncate { get; init; }

    /// <summary>Seconds after which it is given up.</summary>
    public double? Timeout { get; init; }
}

/// <summary>Text or ids; one of them is set.</summary>
internal sealed record EmbeddingInput(string? Text, ImmutableArray<int> Ids);

/// <summary>Reads <c>input</c>: a string, an array of strings, an array of ids, or an array of arrays of ids.</summary>
internal sealed class InputConverter : JsonConverter<ImmutableArray<EmbeddingInput>?>
{
    private const string Rule = "'input' must be a string, an array of strings, an array of token ids, or an array of arrays of token ids.";

    public override ImmutableArray<EmbeddingInput>? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return [new EmbeddingInput(reader.GetString()!, [])];
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new WireFormatException(Rule);
        }

        var inputs = ImmutableArray.CreateBuilder<EmbeddingInput>();
        ImmutableArray<int>.Builder? loose = null; // ids of one text, without an array of their own
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.Number)
            {
                (loose ??= ImmutableArray.CreateBuilder<int>()).Add(ReadId(ref reader));
                continue;
            }

            inputs.Add(reader.TokenType switch
            {
                JsonTokenType.String => new EmbeddingInput(reader.GetString()!, []),
                JsonTokenType.StartArray => new EmbeddingInput(null, ReadIds(ref reader)),
                _ => throw new WireFormatException(Rule),
            });
        }

        bool isMixed = (loose is not null && inputs.Count > 0) || inputs.Any(input => input.Text is null != inputs[0].Text is null);
        return isMixed ? throw new WireFormatException(Rule) : loose is null ? inputs.ToImmutable() : [new EmbeddingInput(null, loose.ToImmutable())];
    }

    public override void Write(Utf8JsonWriter writer, ImmutableArray<EmbeddingInput>? value, JsonSerializerOptions options) =>
        throw new NotSupportedException("Requests are only read.");

    private static ImmutableArray<int> ReadIds(ref Utf8JsonReader reader)
    {
        var ids = ImmutableArray.CreateBuilder<int>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            ids.Add(ReadId(ref reader));
        }

        return ids.ToImmutable();
    }

    private static int ReadId(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int id) ? id : throw new WireFormatException(Rule);
}
