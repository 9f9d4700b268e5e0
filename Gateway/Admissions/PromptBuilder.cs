using System.Collections.Immutable;
using System.Text;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.Gateway.Answers;
using GlmCluster.Gateway.Models;
using GlmCluster.Grains.Abstractions.Conversations;

namespace GlmCluster.Gateway.Admissions;

/// <summary>A rendered prompt.</summary>
/// <param name="Ids">The whole prompt.</param>
/// <param name="Text">A plain prompt as text, to be echoed; empty for a chat.</param>
/// <param name="Turn">What the conversation will keep; null: nothing.</param>
/// <param name="Tools">Tools whose calls may appear in the answer.</param>
/// <param name="Reply">How the answer is asked for; null: as usual.</param>
internal sealed record Prompt(
    ImmutableArray<int> Ids, string Text, ConversationTurn? Turn, ImmutableArray<ToolDeclaration> Tools, ReplySettings? Reply = null);

/// <summary>Outcome of rendering: exactly one member is set.</summary>
internal readonly record struct PromptResult(Prompt? Prompt, Refusal? Refusal);

/// <summary>Renders orders to prompt ids.</summary>
internal static class PromptBuilder
{
    /// <summary>Renders what the client sent, after the conversation it continues.</summary>
    public static PromptResult Build(PromptSource source, ServedModel model, Conversation? conversation)
    {
        try
        {
            return source switch
            {
                ChatPrompt when model.Text.ChatTemplateProblem is { } problem => new(null, Refusal.Invalid(problem, "model")),
                ChatPrompt chat when ForcesUnknownTool(chat, conversation) => new(null, Refusal.Invalid(
                    $"'tool_choice' forces a call of '{chat.Reply!.ForcedTool}', which is not among the tools.", "tool_choice")),
                ChatPrompt chat => new(BuildChat(chat, model, conversation), null),
                TextPrompt text => new(new Prompt([.. model.Text.EncodePlain(text.Text)], text.Text, null, []), null),
                IdsPrompt ids => BuildIds(ids, model),
                _ => throw new InvalidOperationException($"Unknown prompt {source.GetType().Name}."),
            };
        }
        catch (ChatTemplateException exception)
        {
            return new(null, Refusal.Invalid(exception.Message, source.Field));
        }
    }

    private static Prompt BuildChat(ChatPrompt chat, ServedModel model, Conversation? conversation)
    {
        ImmutableArray<ToolDeclaration> earlierTools = EarlierTools(conversation);
        ImmutableArray<ToolDeclaration> tools = chat.Tools ?? earlierTools;
        IEnumerable<int>? ids = null;
        if (conversation is not null && conversation.Model.ContentHash == model.Card.Model.ContentHash && tools.SequenceEqual(earlierTools))
        {
            ids = Append(chat, model.Text, conversation);
        }

        ids ??= RenderWhole(chat, model.Text, conversation, tools);
        ConversationTurn? turn = !chat.Store ? null : new ConversationTurn
        {
            Conversation = conversation?.Id,
            Index = conversation?.Turns.Length ?? 0,
            Messages = chat.Messages,
            Tools = tools,
            Reply = chat.Reply,
        };
        return new Prompt([.. ids], "", turn, tools, chat.Reply);
    }

    private static bool ForcesUnknownTool(ChatPrompt chat, Conversation? conversation) =>
        chat.Reply?.ForcedTool is string forced && !(chat.Tools ?? EarlierTools(conversation)).Any(tool => tool.Name == forced);

    private static ImmutableArray<ToolDeclaration> EarlierTools(Conversation? conversation) =>
        conversation is { Turns: [.., var last] } ? last.Turn.Tools : [];

    /// <summary>Puts the new messages after the ids of the earlier turns; null where the layout does not allow it.</summary>
    private static IEnumerable<int>? Append(ChatPrompt chat, TextModel text, Conversation conversation) =>
        text.ChatTemplate!.RenderAppended([.. chat.Messages.Select(ToChatMessage)], chat.Reply.ToChatOptions()) is { } appended
            ? conversation.ContextIds.Concat(appended)
            : null;

    private static List<int> RenderWhole(
        ChatPrompt chat, TextModel text, Conversation? conversation, ImmutableArray<ToolDeclaration> tools)
    {
        var messages = new List<ChatMessage>();
        foreach (FinishedTurn turn in conversation?.Turns ?? [])
        {
            messages.AddRange(turn.Turn.Messages.Select(ToChatMessage));
            messages.Add(ToChatMessage(StoredAnswer.Read(turn, text)));
        }

        messages.AddRange(chat.Messages.Select(ToChatMessage));
        return text.ChatTemplate!.Render(messages, tools.ToChatTools(), chat.Reply.ToChatOptions());
    }

    private static ChatMessage ToChatMessage(TurnMessage message) => new(
        message.Role switch
        {
            "system" => ChatRole.System,
            "user" => ChatRole.User,
            "assistant" => ChatRole.Assistant,
            "tool" => ChatRole.Tool,
            _ => throw new ChatTemplateException($"There is no role '{message.Role}'."),
        },
        message.Content,
        [.. message.ToolCalls.Select(call => new ChatToolCall(call.Name, call.ArgumentsJson))],
        message.Reasoning);

    private static PromptResult BuildIds(IdsPrompt prompt, ServedModel model)
    {
        int limit = model.Card.VocabularySize;
        if (prompt.Ids.IsEmpty || prompt.Ids.Any(id => id < 0 || id >= limit))
        {
            return new(null, Refusal.Invalid($"'prompt' must have at least one token id, each from 0 to {limit - 1}.", prompt.Field));
        }

        var text = new StringBuilder();
        var detokenizer = new IncrementalDetokenizer(model.Text.Tokenizer);
        foreach (int id in prompt.Ids)
        {
            text.Append(detokenizer.Push(id));
        }

        text.Append(detokenizer.Finish());
        return new(new Prompt(prompt.Ids, text.ToString(), null, []), null);
    }
}
