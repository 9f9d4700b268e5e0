using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Checkpoints.Text;

/// <summary>The text side of a model: tokenizer, chat layout and sampling defaults. Immutable and thread-safe.</summary>
public sealed class TextModel
{
    private static readonly string[] TokenNames = ["bos_token", "eos_token", "pad_token", "unk_token"];

    private readonly FolderTokenizer _tokenizer;

    private TextModel(FolderTokenizer tokenizer, GenerationDefaults defaults)
    {
        _tokenizer = tokenizer;
        Defaults = defaults;
    }

    public ITokenizer Tokenizer => _tokenizer.Tokenizer;

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
        var tokenizer = FolderTokenizer.Read(assets, config, tokenizerConfig);
        CheckVocabulary(tokenizer.Tokenizer, config);
        GenerationDefaults defaults = GenerationDefaultsReader.Read(
            FolderJson.Read(assets, TextAssets.GenerationConfig), config, tokenizer);
        IChatTemplate? template = ChatTemplateReader.Read(
            tokenizer, FindChatTemplate(assets, tokenizerConfig), config.FindString("model_type"), ReadTokenNames(tokenizerConfig), out string? problem);
        return new TextModel(tokenizer, defaults) { ChatTemplate = template, ChatTemplateProblem = problem };
    }

    /// <summary>Ids of a prompt to complete, or of a text to embed: ordinary text between the tokens that the family puts around it.</summary>
    /// <remarks>A post-processor that a <c>tokenizer.json</c> may have is not run, so they are never written twice.</remarks>
    public List<int> EncodePlain(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _tokenizer.EncodePlain(text);
    }

    /// <summary>Ids of a text that a client encoded, with the tokens around them that are not there yet.</summary>
    public List<int> EncodeAround(ImmutableArray<int> ids) => _tokenizer.EncodeAround(ids.AsSpan());

    /// <summary>Tokens that the family puts behind a text; they stay where it is cut.</summary>
    public int PlainSuffixLength => _tokenizer.SuffixLength;

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
    private static void CheckVocabulary(ITokenizer tokenizer, FolderJson config)
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
