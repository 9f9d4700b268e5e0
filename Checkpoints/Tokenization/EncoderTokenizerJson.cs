using System.Text.Json;
using GlmCluster.Checkpoints.Tokenization.SentencePieces;

namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>
/// Reads the forms of <c>tokenizer.json</c> that encoders publish: WordPiece as BERT has it, and unigram as XLM-RoBERTa has it. What they ask
/// for beyond what <see cref="WordPieceTokenizer"/> and <see cref="SentencePieceTokenizer"/> do is refused.
/// </summary>
internal static class EncoderTokenizerJson
{
    private const string FileName = "tokenizer.json";

    /// <summary>What <c>model.type</c> says; null: nothing.</summary>
    public static string? ModelType(ReadOnlyMemory<byte> file)
    {
        try
        {
            var json = new Utf8JsonReader(file.Span);
            json.Read();
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                bool isModel = json.ValueTextEquals("model"u8);
                json.Read();
                if (isModel && json.TokenType == JsonTokenType.StartObject)
                {
                    return FindType(json);
                }

                json.Skip();
            }

            return null;
        }
        catch (JsonException)
        {
            return null; // whoever reads the file says what is wrong
        }
    }

    /// <exception cref="CheckpointException">The file is broken, or asks for what is not supported.</exception>
    public static WordPieceTokenizer ReadWordPiece(ReadOnlyMemory<byte> file) => Read(file, root =>
    {
        JsonElement model = root.GetProperty("model");
        Require(Is(model, "unk_token", "[UNK]") && Is(model, "continuing_subword_prefix", "##"), "its WordPiece model is not BERT's");
        JsonElement normalizer = root.GetProperty("normalizer");
        Require(
            Is(normalizer, "type", "BertNormalizer") && IsOn(normalizer, "clean_text") && IsOn(normalizer, "handle_chinese_chars"),
            "its normalizer is not BertNormalizer with clean_text and handle_chinese_chars");
        bool lowersCase = IsOn(normalizer, "lowercase");
        Require(
            !normalizer.TryGetProperty("strip_accents", out JsonElement strips) || strips.ValueKind == JsonValueKind.Null || IsOn(normalizer, "strip_accents") == lowersCase,
            "its normalizer's strip_accents differs from its lowercase");
        Require(Is(root.GetProperty("pre_tokenizer"), "type", "BertPreTokenizer"), "its pre_tokenizer is not BertPreTokenizer");
        JsonElement vocabulary = model.GetProperty("vocab");
        string?[] pieces = new string?[vocabulary.EnumerateObject().Count()];
        foreach (JsonProperty piece in vocabulary.EnumerateObject())
        {
            int id = piece.Value.GetInt32();
            Require((uint)id < (uint)pieces.Length && pieces[id] is null, $"its ids are not 0 to {pieces.Length - 1}, each once");
            pieces[id] = piece.Name;
        }

        return new WordPieceTokenizer([.. pieces.Select(piece => piece!)], lowersCase, FileName);
    });

    /// <exception cref="CheckpointException">The file is broken, or asks for what is not supported.</exception>
    public static SentencePieceTokenizer ReadUnigram(ReadOnlyMemory<byte> file) => Read(file, root =>
    {
        JsonElement model = root.GetProperty("model");
        Require(!IsOn(model, "byte_fallback"), "its unigram model falls back to bytes");
        JsonElement[] splitters = [.. Parts(root.GetProperty("pre_tokenizer"), "pretokenizers").Where(part => !Is(part, "type", "WhitespaceSplit"))];
        Require(splitters is [var splitter] && Is(splitter, "type", "Metaspace") && Is(splitter, "replacement", "\u2581"), "its pre_tokenizer is not Metaspace");
        JsonElement[] normalizers = [.. Parts(root.GetProperty("normalizer"), "normalizers").Where(part => !CollapsesBlanks(part))];
        Require(normalizers is [var map] && Is(map, "type", "Precompiled"), "its normalizer is not Precompiled, perhaps with blanks collapsed");
        var added = root.GetProperty("added_tokens").EnumerateArray()
            .ToDictionary(token => token.GetProperty("id").GetInt32(), token => token.GetProperty("content").GetString()!);
        int unknown = model.GetProperty("unk_id").GetInt32();
        List<SentencePiece> pieces = [];
        foreach (JsonElement piece in model.GetProperty("vocab").EnumerateArray())
        {
            PieceKind kind = pieces.Count == unknown ? PieceKind.Unknown : added.ContainsKey(pieces.Count) ? PieceKind.Control : PieceKind.Normal;
            pieces.Add(new SentencePiece(piece[0].GetString()!, piece[1].GetSingle(), kind));
        }

        byte[] rules = normalizers[0].GetProperty("precompiled_charsmap").GetBytesFromBase64();
        AddedToken[] others = [.. added.Where(token => token.Key >= pieces.Count).Select(token => new AddedToken(token.Key, token.Value, true))];
        return new SentencePieceTokenizer(SentencePieceFile.Create(FileName, pieces, rules), SentencePieceFamily.Numbered(others));
    });

    private static T Read<T>(ReadOnlyMemory<byte> file, Func<JsonElement, T> read)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(file);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or ArgumentException or IndexOutOfRangeException)
        {
            throw new CheckpointException($"{FileName} cannot be read: {e.Message}", e);
        }
    }

    private static string? FindType(Utf8JsonReader model)
    {
        while (model.Read() && model.TokenType == JsonTokenType.PropertyName)
        {
            bool isType = model.ValueTextEquals("type"u8);
            model.Read();
            if (isType)
            {
                return model.TokenType == JsonTokenType.String ? model.GetString() : null;
            }

            model.Skip();
        }

        return null;
    }

    /// <summary>The members of a sequence, or the one thing that is none.</summary>
    private static JsonElement[] Parts(JsonElement value, string key) =>
        Is(value, "type", "Sequence") ? [.. value.GetProperty(key).EnumerateArray()] : [value];

    /// <summary>Whether a normaliser makes runs of blanks one, which <see cref="SentencePieceNormalizer"/> does anyway.</summary>
    private static bool CollapsesBlanks(JsonElement part) =>
        Is(part, "type", "Replace") && Is(part, "content", " ") && part.TryGetProperty("pattern", out JsonElement pattern) && Is(pattern, "Regex", " {2,}");

    private static bool Is(JsonElement value, string key, string expected) => value.ValueKind == JsonValueKind.Object
        && value.TryGetProperty(key, out JsonElement found) && found.ValueKind == JsonValueKind.String && found.ValueEquals(expected);

    private static bool IsOn(JsonElement value, string key) => value.TryGetProperty(key, out JsonElement found) && found.ValueKind == JsonValueKind.True;

    private static void Require(bool condition, string problem)
    {
        if (!condition)
        {
            throw TokenizerJsonReader.Unsupported(problem);
        }
    }
}
