using System.Text;

namespace GlmCluster.Checkpoints.Text;

/// <summary>
/// Tells ChatGLM2 from ChatGLM3. They share configuration keys, sizes and the tokenizer's file; only their special tokens and chats differ.
/// </summary>
internal static class ChatGlmRelease
{
    public const int Second = 2;
    public const int Third = 3;

    /// <summary>What a folder says about itself, in this order: its tokenizer's code (read, never run), its chat template, its name.</summary>
    /// <returns>0 where it says nothing.</returns>
    public static int Find(TextAssets assets, FolderJson config, FolderJson tokenizerConfig)
    {
        if (assets.TryGetFile(TextAssets.TokenizationCode, out ReadOnlyMemory<byte> code))
        {
            return code.Span.IndexOf("<|observation|>"u8) >= 0 ? Third : Second;
        }

        string template = assets.TryGetFile(TextAssets.ChatTemplate, out ReadOnlyMemory<byte> file)
            ? Encoding.UTF8.GetString(file.Span)
            : tokenizerConfig.Find("chat_template")?.ToString() ?? "";
        if (template.Length > 0)
        {
            return template.Contains("<|", StringComparison.Ordinal) ? Third : Second;
        }

        string names = config.FindString("_name_or_path") + " " + tokenizerConfig.FindString("name_or_path");
        return names.Contains("chatglm2", StringComparison.OrdinalIgnoreCase) ? Second
            : names.Contains("chatglm3", StringComparison.OrdinalIgnoreCase) ? Third
            : 0;
    }
}
