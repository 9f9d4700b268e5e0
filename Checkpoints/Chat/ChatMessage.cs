using System.Collections.Immutable;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>One message to render.</summary>
/// <param name="Role">Who speaks.</param>
/// <param name="Content">Text; may be empty.</param>
/// <param name="ToolCalls">Calls of an assistant message; empty: none.</param>
/// <param name="Reasoning">What an assistant thought before; null: nothing, or it stands in the content.</param>
public sealed record ChatMessage(ChatRole Role, string Content, ImmutableArray<ChatToolCall> ToolCalls, string? Reasoning = null);

public enum ChatRole
{
    System,
    User,
    Assistant,

    /// <summary>A tool's result (<c>observation</c> in GLM's own words).</summary>
    Tool,
}

/// <summary>A call as history shows it.</summary>
/// <param name="Name">Function name.</param>
/// <param name="ArgumentsJson">JSON text, written as it is.</param>
public sealed record ChatToolCall(string Name, string ArgumentsJson);

/// <summary>A function the template declares.</summary>
/// <param name="Name">Function name.</param>
/// <param name="DeclarationJson">The <c>function</c> object, compact JSON, keys in the client's order.</param>
public sealed record ChatTool(string Name, string DeclarationJson);
