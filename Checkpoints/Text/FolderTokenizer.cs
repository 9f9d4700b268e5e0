using System.Globalization;
using System.Text.Json;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.Checkpoints.Tokenization.SentencePieces;

namespace GlmCluster.Checkpoints.Text;

/// <summary>A folder's tokenizer and what kind it is.</summary>
internal sealed record FolderTokenizer(ITokenizer Tokenizer, TextFamily Family)
{
    /// <summary>A SentencePiece model is a protobuf message that begins with its field 1; a ranks file begins with base64.</summary>
    private const byte SentencePieceStart = 0x0A;

    /// <summary>Rows of ChatGLM-6B's first release, whose text ids come after those of 20,000 image tokens.</summary>
    private const int ChatGlmRowsWithImages = 150528;
    private const int ChatGlmImageTokens = 20000;

    /// <exception cref="CheckpointException">A file is broken or of a kind that is not supported.</exception>
    public static FolderTokenizer Read(TextAssets assets, FolderJson config, FolderJson tokenizerConfig)
    {
        if (assets.TryGetFile(TextAssets.IceTextModel, out ReadOnlyMemory<byte> file))
        {
            return ReadSentencePieces(TextAssets.IceTextModel, file, SentencePieceFamily.ChatGlm(CountImageTokens(config, tokenizerConfig)), TextFamily.ChatGlm);
        }

        if (assets.TryGetFile(TextAssets.XlmRobertaModel, out file))
        {
            return ReadSentencePieces(TextAssets.XlmRobertaModel, file, SentencePieceFamily.XlmRoberta, TextFamily.XlmRoberta);
        }

        if (assets.TryGetFile(TextAssets.WordPieces, out file))
        {
            bool lowersCase = tokenizerConfig.Find("do_lower_case", JsonValueKind.False) is null;
            return new FolderTokenizer(WordPieceTokenizer.Read(file.Span, lowersCase), TextFamily.Bert);
        }

        if (assets.TryGetFile(TextAssets.TokenizerJson, out file))
        {
            return EncoderTokenizerJson.ModelType(file) switch
            {
                "WordPiece" => new FolderTokenizer(EncoderTokenizerJson.ReadWordPiece(file), TextFamily.Bert),
                "Unigram" => new FolderTokenizer(EncoderTokenizerJson.ReadUnigram(file), TextFamily.XlmRoberta),
                _ => new FolderTokenizer(TokenizerJsonReader.Read(file.Span), TextFamily.Glm4Json),
            };
        }

        return assets.TryGetFile(TextAssets.TokenizerModel, out file)
            ? ReadTokenizerModel(file, assets, config, tokenizerConfig)
            : throw new CheckpointException("The text assets have no tokenizer.");
    }

    /// <summary>Ids of a text between the special tokens that the family puts around it.</summary>
    public List<int> EncodePlain(string text)
    {
        (int[] prefix, int[] suffix) = FindAround();
        List<int> ids = [.. prefix];
        Tokenizer.Encode(text, ids);
        ids.AddRange(suffix);
        return ids;
    }

    /// <summary>Ids that somebody else encoded, with the special tokens around them that are not there yet.</summary>
    public List<int> EncodeAround(ReadOnlySpan<int> ids)
    {
        (int[] prefix, int[] suffix) = FindAround();
        return [.. ids.StartsWith(prefix) ? [] : prefix, .. ids, .. ids.EndsWith(suffix) ? [] : suffix];
    }

    /// <summary>Tokens that the family puts behind a text.</summary>
    public int SuffixLength => FindAround().Suffix.Length;

    private (int[] Prefix, int[] Suffix) FindAround()
    {
        (string[] prefix, string[] suffix) = Family switch
        {
            TextFamily.ChatGlm => ([], ["[gMASK]", "<sop>"]),
            TextFamily.ChatGlm2 or TextFamily.ChatGlm3 or TextFamily.ChatGlm2Or3 => (["[gMASK]", "sop"], []),
            TextFamily.Bert => (["[CLS]"], ["[SEP]"]),
            TextFamily.XlmRoberta => (["<s>"], ["</s>"]),
            _ => ((string[])["[gMASK]", "<sop>"], (string[])[]),
        };
        return ([.. Find(prefix)], [.. Find(suffix)]);
    }

    private static FolderTokenizer ReadTokenizerModel(ReadOnlyMemory<byte> file, TextAssets assets, FolderJson config, FolderJson tokenizerConfig)
    {
        if (file.IsEmpty || file.Span[0] != SentencePieceStart)
        {
            return new FolderTokenizer(RanksFileReader.Read(file.Span, ReadAddedTokens(tokenizerConfig)), TextFamily.Glm4Ranks);
        }

        return ChatGlmRelease.Find(assets, config, tokenizerConfig) switch
        {
            ChatGlmRelease.Second => ReadSentencePieces(TextAssets.TokenizerModel, file, SentencePieceFamily.ChatGlm2, TextFamily.ChatGlm2),
            ChatGlmRelease.Third => ReadSentencePieces(TextAssets.TokenizerModel, file, SentencePieceFamily.ChatGlm3, TextFamily.ChatGlm3),
            _ => ReadSentencePieces(TextAssets.TokenizerModel, file, SentencePieceFamily.ChatGlm3, TextFamily.ChatGlm2Or3), // its tokens are both's
        };
    }

    private static FolderTokenizer ReadSentencePieces(string name, ReadOnlyMemory<byte> file, SentencePieceFamily family, TextFamily textFamily) =>
        new(new SentencePieceTokenizer(SentencePieceFile.Read(name, file.Span), family), textFamily);

    private static int CountImageTokens(FolderJson config, FolderJson tokenizerConfig)
    {
        if (tokenizerConfig.Find("num_image_tokens") is not JsonElement value)
        {
            bool hasImages = config.Find("vocab_size", JsonValueKind.Number) is JsonElement rows && rows.TryGetInt32(out int count) && count == ChatGlmRowsWithImages;
            return hasImages ? ChatGlmImageTokens : 0;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int given) && given is >= 0 and <= 1 << 20
            ? given
            : throw new CheckpointException($"{tokenizerConfig.Name}: num_image_tokens is {value.GetRawText()}; supported are whole numbers from 0 to {1 << 20}.");
    }

    private static List<AddedToken> ReadAddedTokens(FolderJson tokenizerConfig)
    {
        const string Key = "added_tokens_decoder";
        List<AddedToken> tokens = [];
        if (tokenizerConfig.Find(Key, JsonValueKind.Object) is not JsonElement added)
        {
            return tokens;
        }

        foreach (JsonProperty entry in added.EnumerateObject())
        {
            if (!int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                || entry.Value.ValueKind != JsonValueKind.Object
                || !entry.Value.TryGetProperty("content", out JsonElement content)
                || content.ValueKind != JsonValueKind.String)
            {
                throw new CheckpointException($"{tokenizerConfig.Name}: {Key} has \"{entry.Name}\" without an id or without content.");
            }

            bool prints = entry.Value.TryGetProperty("special", out JsonElement special) && special.ValueKind == JsonValueKind.False;
            tokens.Add(new AddedToken(id, FolderJson.TextOf(tokenizerConfig.Name, content), !prints));
        }

        return tokens;
    }

    /// <summary>Ids of special tokens; none unless the tokenizer has all.</summary>
    private IEnumerable<int> Find(string[] tokens) => tokens.All(token => Tokenizer.TryGetSpecialId(token, out _))
        ? tokens.Select(token => Tokenizer.TryGetSpecialId(token, out int id) ? id : throw new InvalidOperationException())
        : [];
}
