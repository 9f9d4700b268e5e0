using System.Globalization;
using System.Text;
using System.Text.Json;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Checkpoints.Text;

/// <summary>The text side of a model: tokenizer, chat layout and sampling defaults. Immutable and thread-safe.</summary>
public sealed class TextModel
{
    private static readonly string[] TokenNames = ["bos_token", "eos_token", "pad_token", "unk_token"];

    private readonly int[] _prefix;

    private TextModel(ITokenizer tokenizer, GenerationDefaults defaults)
    {
        Tokenizer = tokenizer;
        Defaults = defaults;
        _prefix = tokenizer.TryGetSpecialId("[gMASK]", out int mask) && tokenizer.TryGetSpecialId("<sop>", out int start) ? [mask, start] : [];
    }

    public ITokenizer Tokenizer { get; }

    /// <summary>Null where the folder's chat layout is not known; then <see cref="ChatTemplateProblem"/> says why.</summary>
    public IChatTemplate? ChatTemplate { get; private init; }

    /// <summary>Fit for users; null where there is a template.</summary>
    public string? ChatTemplateProblem { get; private init; }

    public GenerationDefaults Defaults { get; }

    /// <exception cref="CheckpointException">A file is broken or of a kind that is not supported.</exception>
    public static TextModel Load(TextAssets assets)
    {
        ArgumentNullException.ThrowIfNull(assets);
        FolderJson config = FolderJson.Read(assets, TextAssets.Config);
        FolderJson tokenizerConfig = FolderJson.Read(assets, TextAssets.TokenizerConfig);
        BytePairTokenizer tokenizer = ReadTokenizer(assets, tokenizerConfig);
        CheckVocabulary(tokenizer, config);
        GenerationDefaults defaults = GenerationDefaultsReader.Read(
            FolderJson.Read(assets, TextAssets.GenerationConfig), config, tokenizer);

        bool hasRanksFile = !assets.TryGetFile(TextAssets.TokenizerJson, out _);
        IChatTemplate? template = ChatTemplateReader.Read(
            tokenizer, FindChatTemplate(assets, tokenizerConfig), config.FindString("model_type"), ReadTokenNames(tokenizerConfig), hasRanksFile, out string? problem);
        return new TextModel(tokenizer, defaults) { ChatTemplate = template, ChatTemplateProblem = problem };
    }

    /// <summary>Ids of a prompt to complete: the two tokens that every GLM text begins with, then ordinary text.</summary>
    /// <remarks>A post-processor that a <c>tokenizer.json</c> may have is not run, so the two are never written twice.</remarks>
    public List<int> EncodePlain(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = [.. _prefix];
        Tokenizer.Encode(text, ids);
        return ids;
    }

    private static BytePairTokenizer ReadTokenizer(TextAssets assets, FolderJson tokenizerConfig)
    {
        if (assets.TryGetFile(TextAssets.TokenizerJson, out ReadOnlyMemory<byte> json))
        {
            return TokenizerJsonReader.Read(json.Span);
        }

        return assets.TryGetFile(TextAssets.TokenizerModel, out ReadOnlyMemory<byte> ranks)
            ? RanksFileReader.Read(ranks.Span, ReadAddedTokens(tokenizerConfig))
            : throw new CheckpointException("The text assets have neither tokenizer.json nor tokenizer.model.");
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

    private static Dictionary<string, string> ReadTokenNames(FolderJson tokenizerConfig)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string key in TokenNames)
        {
            if (tokenizerConfig.Find(key, JsonValueKind.String) is not null && tokenizerConfig.FindString(key) is string token)
            {
                names[key] = token;
            }
        }

        return names;
    }

    /// <summary>A tokenizer with more ids than the model has rows would make prompts that the model cannot read.</summary>
    private static void CheckVocabulary(BytePairTokenizer tokenizer, FolderJson config)
    {
        foreach (string key in (ReadOnlySpan<string>)["padded_vocab_size", "vocab_size"])
        {
            if (config.Find(key) is JsonElement value)
            {
                bool isNumber = value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out _);
                if (!isNumber || tokenizer.Count > value.GetInt32())
                {
                    throw new CheckpointException(
                        $"config.json has {key} {value.GetRawText()}, but the tokenizer has {tokenizer.Count} ids; they are not of one model.");
                }

                return;
            }
        }
    }

    /// <summary>The folder's Jinja source: a file of its own before <c>tokenizer_config.json</c>; of several named ones <c>default</c>.</summary>
    private static string? FindChatTemplate(TextAssets assets, FolderJson tokenizerConfig)
    {
        const string Key = "chat_template";
        if (assets.TryGetFile(TextAssets.ChatTemplate, out ReadOnlyMemory<byte> file))
        {
            return Encoding.UTF8.GetString(file.Span);
        }

        if (tokenizerConfig.Find(Key, JsonValueKind.Array) is not JsonElement named)
        {
            return tokenizerConfig.FindString(Key);
        }

        return named.EnumerateArray()
            .Where(entry => HasText(entry, "name", "default") && entry.TryGetProperty("template", out _))
            .Select(entry => FolderJson.TextOf(tokenizerConfig.Name, entry.GetProperty("template")))
            .FirstOrDefault();
    }

    private static bool HasText(JsonElement entry, string key, string text) =>
        entry.ValueKind == JsonValueKind.Object
        && entry.TryGetProperty(key, out JsonElement value)
        && value.ValueKind == JsonValueKind.String
        && value.ValueEquals(text);
}
