using System.Text;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.TestKit;

namespace GlmCluster.Checkpoints.Tests.Text;

/// <summary>Text sides of models to test with: the demo model, GLM-4-9B's ranks file, and variants of both.</summary>
internal static class TestModels
{
    private static readonly Lazy<TextModel> LazyNano = new(() => TextModel.Load(TextAssets.FromFolder(NanoFolder)));
    private static readonly Lazy<TextModel> LazyRanks = new(() => WithRanks("chatglm", chatTemplate: null));

    private static readonly Lazy<TextModel> LazyChatGlm = new(() => FromTokenizerFolder("chatglm-6b"));
    private static readonly Lazy<TextModel> LazyChatGlm2 = new(() => TextModel.Load(Assets(
        TextAssets.TokenizerModel, Path.Combine(TokenizerFolder("chatglm3-6b"), "tokenizer.model"), "chatglm\", \"_name_or_path\": \"THUDM/chatglm2-6b", null)));

    private static readonly Lazy<TextModel> LazyChatGlm3 = new(() => FromTokenizerFolder("chatglm3-6b"));
    private static readonly Lazy<TextModel> LazyBert = new(() => FromTokenizerFolder("bert-base-chinese"));

    /// <summary>Tokens that tests print by name.</summary>
    private static readonly string[] SpecialTokens =
        ["<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"];

    public static string NanoFolder => RepositoryFolder.Path("assets", "glm-nano");

    public static string RanksFolder => TokenizerFolder("glm-4-9b-chat");

    public static TextModel Nano => LazyNano.Value;

    /// <summary>GLM-4-9B-chat: ranks file, no template of its own.</summary>
    public static TextModel Ranks => LazyRanks.Value;

    /// <summary>ChatGLM-6B's tokenizer files.</summary>
    public static TextModel ChatGlm => LazyChatGlm.Value;

    /// <summary>ChatGLM2's tokenizer, which is ChatGLM3's file, recognised by the model's name.</summary>
    public static TextModel ChatGlm2 => LazyChatGlm2.Value;

    /// <summary>ChatGLM3's tokenizer files.</summary>
    public static TextModel ChatGlm3 => LazyChatGlm3.Value;

    /// <summary>The Chinese BERT vocabulary.</summary>
    public static TextModel Bert => LazyBert.Value;

    /// <summary>By the names that expected.json has for them.</summary>
    public static TextModel Published(string family) => family switch
    {
        "chatglm-6b" => ChatGlm,
        "chatglm2-6b" => ChatGlm2,
        "chatglm3-6b" => ChatGlm3,
        "glm-4-9b-chat" => Ranks,
        "bert-base-chinese" => Bert,
        _ => throw new ArgumentOutOfRangeException(nameof(family), family, "No such tokenizer."),
    };

    public static string TokenizerFolder(string family) => RepositoryFolder.Path("tests", "data", "tokenizers", family);

    /// <summary>The demo model's <c>tokenizer.json</c> under another template.</summary>
    public static TextModel WithNanoTokenizer(string modelType, string? chatTemplate) =>
        TextModel.Load(Assets(TextAssets.TokenizerJson, Path.Combine(NanoFolder, "tokenizer.json"), modelType, chatTemplate));

    /// <summary>GLM-4's ranks file under another template.</summary>
    public static TextModel WithRanks(string modelType, string? chatTemplate) =>
        TextModel.Load(Assets(TextAssets.TokenizerModel, Path.Combine(RanksFolder, "tokenizer.model"), modelType, chatTemplate));

    public static TextAssets FromTexts(params (string Name, string Text)[] files) =>
        TextAssets.FromFiles(files.ToDictionary(file => file.Name, file => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(file.Text)));

    /// <summary>Ids as text with special tokens shown by name.</summary>
    public static string Show(ITokenizer tokenizer, IEnumerable<int> ids)
    {
        var text = new StringBuilder();
        var run = new List<byte>();
        foreach (int id in ids)
        {
            if (!tokenizer.IsSpecial(id))
            {
                run.AddRange(tokenizer.GetBytes(id));
                continue;
            }

            text.Append(Encoding.UTF8.GetString([.. run]));
            run.Clear();
            text.Append(SpecialTokens.Single(token => tokenizer.TryGetSpecialId(token, out int special) && special == id));
        }

        return text.Append(Encoding.UTF8.GetString([.. run])).ToString();
    }

    private static TextModel FromTokenizerFolder(string family) => TextModel.Load(TextAssets.FromTokenizerFolder(TokenizerFolder(family)));

    private static TextAssets Assets(string name, string path, string modelType, string? chatTemplate)
    {
        var files = new Dictionary<string, ReadOnlyMemory<byte>>
        {
            [TextAssets.Config] = Encoding.UTF8.GetBytes($$"""{"model_type": "{{modelType}}"}"""),
            [name] = File.ReadAllBytes(path),
        };
        if (chatTemplate is not null)
        {
            files[TextAssets.ChatTemplate] = Encoding.UTF8.GetBytes(chatTemplate);
        }

        return TextAssets.FromFiles(files);
    }
}
