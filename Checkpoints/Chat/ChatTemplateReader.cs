using GlmCluster.Checkpoints.Chat.Jinja;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>Chooses the chat layout of a model folder.</summary>
internal static class ChatTemplateReader
{
    /// <summary>The folder's layout, or null and the reason.</summary>
    /// <param name="folder">The folder's tokenizer.</param>
    /// <param name="jinja">The folder's own template; null: the family's usual one.</param>
    /// <param name="modelType"><c>model_type</c> of <c>config.json</c>.</param>
    /// <param name="tokenNames">Special tokens by the names that templates use, such as <c>eos_token</c>.</param>
    /// <param name="problem">Why there is none; fit for users.</param>
    public static IChatTemplate? Read(
        FolderTokenizer folder, string? jinja, string? modelType, IReadOnlyDictionary<string, string> tokenNames, out string? problem)
    {
        problem = null;
        switch (folder.Family)
        {
            case TextFamily.ChatGlm:
                return new RoundsChatTemplate(folder.EncodePlain, RoundsLayout.ChatGlm);
            case TextFamily.ChatGlm2:
                return new RoundsChatTemplate(folder.EncodePlain, RoundsLayout.ChatGlm2);
            case TextFamily.ChatGlm3:
                return new ChatGlm3Template(folder.Tokenizer);
            case TextFamily.ChatGlm2Or3:
                problem = "The folder does not say whether it is ChatGLM2 or ChatGLM3, whose chats differ. Put the release's tokenization_chatglm.py into it, "
                    + "or \"name_or_path\": \"THUDM/chatglm3-6b\" into tokenizer_config.json. Only plain completions are offered.";
                return null;
            case TextFamily.Bert or TextFamily.XlmRoberta:
                problem = "The folder has an encoder's tokenizer; encoders do not answer.";
                return null;
            default:
                return ReadGlm4(folder, jinja, modelType, tokenNames, out problem);
        }
    }

    private static IChatTemplate? ReadGlm4(
        FolderTokenizer folder, string? jinja, string? modelType, IReadOnlyDictionary<string, string> tokenNames, out string? problem)
    {
        ITokenizer tokenizer = folder.Tokenizer;
        Glm4Layout? layout = jinja is null ? FamilyLayout(modelType) : Glm4LayoutReader.Read(jinja);
        if (layout is null)
        {
            problem = $"The folder has no chat_template, and none is known for model_type \"{modelType}\". Only plain completions are offered.";
            return (jinja ?? FamilyTemplate(modelType)) is string source ? ReadJinja(tokenizer, source, tokenNames, out problem) : null;
        }

        string? missing = Glm4ChatTemplate.FindMissingToken(tokenizer, layout);
        problem = missing is null ? null : $"The tokenizer has no {missing}, which the chat layout needs. Only plain completions are offered.";
        return missing is null ? new Glm4ChatTemplate(tokenizer, layout, encodesHeadersApart: folder.Family == TextFamily.Glm4Ranks) : null;
    }

    private static JinjaChatTemplate? ReadJinja(
        ITokenizer tokenizer, string source, IReadOnlyDictionary<string, string> tokenNames, out string? problem)
    {
        try
        {
            problem = null;
            return new JinjaChatTemplate(tokenizer, source, tokenNames);
        }
        catch (JinjaException fault)
        {
            problem = $"The folder's chat_template cannot be run: {fault.Message} Only plain completions are offered.";
            return null;
        }
    }

    private static string? FamilyTemplate(string? modelType) => modelType switch
    {
        "glm4_moe" => XmlToolTemplates.Glm45,
        "glm4_moe_lite" => XmlToolTemplates.Glm47,
        _ => null,
    };

    private static Glm4Layout? FamilyLayout(string? modelType) => modelType switch
    {
        "chatglm" or "glm" => Glm4Layout.Glm4,
        "glm4" => Glm4Layout.Glm40414,
        _ => null,
    };
}
