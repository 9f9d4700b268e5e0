using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>A value of a wrong form. Unlike the serializer's own messages, this one is fit for clients.</summary>
internal sealed class WireFormatException(string message) : JsonException(message);

/// <summary>Reads <c>stop</c>: null, a string, or an array of strings.</summary>
internal sealed class StopConverter : JsonConverter<ImmutableArray<string>?>
{
    public override ImmutableArray<string>? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return [reader.GetString()!];
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new WireFormatException("'stop' must be a string or an array of strings.");
        }

        var strings = ImmutableArray.CreateBuilder<string>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            strings.Add(reader.TokenType == JsonTokenType.String
                ? reader.GetString()!
                : throw new WireFormatException("'stop' must be a string or an array of strings."));
        }

        return strings.ToImmutable();
    }

    public override void Write(Utf8JsonWriter writer, ImmutableArray<string>? value, JsonSerializerOptions options) =>
        throw new NotSupportedException("Requests are only read.");
}

/// <summary>Reads a message's <c>content</c>: null, a string, or an array of text parts.</summary>
internal sealed class ContentConverter : JsonConverter<string?>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return reader.GetString();
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new WireFormatException("'content' must be a string or an array of text parts.");
        }

        var text = new StringBuilder();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            text.Append(ReadPart(ref reader));
        }

        return text.ToString();
    }

    public override void Write(Utf8JsonWriter writer, string? value, JsonSerializerOptions options) => writer.WriteStringValue(value);

    private static string ReadPart(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return reader.GetString()!;
        }

        using JsonDocument part = JsonDocument.ParseValue(ref reader);
        string? type = Member(part.RootElement, "type");
        if (type != "text")
        {
            throw new WireFormatException($"Content parts of type '{type}' are not supported; only 'text' is.");
        }

        return Member(part.RootElement, "text") ?? throw new WireFormatException("A text part needs a string 'text'.");
    }

    private static string? Member(JsonElement part, string name) =>
        part.ValueKind == JsonValueKind.Object
        && part.TryGetProperty(name, out JsonElement value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}

/// <summary>Reads <c>logit_bias</c>: an object from token ids, as strings, to numbers; null: none. Of a repeated id the last counts.</summary>
internal sealed class LogitBiasConverter : JsonConverter<ImmutableArray<TokenBias>?>
{
    private const string Rule = "'logit_bias' must be an object whose names are token ids, 0 or more, and whose values are numbers.";

    public override ImmutableArray<TokenBias>? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new WireFormatException(Rule);
        }

        var biases = new SortedDictionary<int, float>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            bool isId = int.TryParse(reader.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out int id);
            reader.Read();
            biases[id] = isId && reader.TokenType == JsonTokenType.Number ? reader.GetSingle() : throw new WireFormatException(Rule);
        }

        return [.. biases.Select(bias => new TokenBias(bias.Key, bias.Value))];
    }

    public override void Write(Utf8JsonWriter writer, ImmutableArray<TokenBias>? value, JsonSerializerOptions options) =>
        throw new NotSupportedException("Requests are only read.");
}

/// <summary>Reads a completion's <c>prompt</c>: a string, an array with one string, or an array of ids (alone or in an array).</summary>
internal sealed class PromptConverter : JsonConverter<CompletionPrompt>
{
    private const string Rule = "'prompt' must be one string or one array of token ids; several prompts need several requests.";

    public override CompletionPrompt Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        JsonElement prompt = document.RootElement;
        if (prompt.ValueKind == JsonValueKind.Array
            && prompt.GetArrayLength() == 1
            && prompt[0].ValueKind is JsonValueKind.String or JsonValueKind.Array)
        {
            prompt = prompt[0];
        }

        return prompt.ValueKind switch
        {
            JsonValueKind.String => new CompletionPrompt(prompt.GetString(), []),
            JsonValueKind.Array => new CompletionPrompt(null, [.. prompt.EnumerateArray().Select(ReadId)]),
            _ => throw new WireFormatException(Rule),
        };
    }

    public override void Write(Utf8JsonWriter writer, CompletionPrompt value, JsonSerializerOptions options) =>
        throw new NotSupportedException("Requests are only read.");

    private static int ReadId(JsonElement element) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int id) ? id : throw new WireFormatException(Rule);
}
