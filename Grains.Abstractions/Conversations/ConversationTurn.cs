using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Grains.Abstractions.Conversations;

/// <summary>The user's side of a turn, stored at admission; the answer is appended when the generation ends.</summary>
public sealed record ConversationTurn
{
    /// <summary>The conversation to continue; null starts one whose id is the generation's.</summary>
    public GenerationId? Conversation { get; init; }

    /// <summary>Turns the gateway saw when it rendered the prompt; another number at admission is <see cref="GenerationFaultCode.ConversationMoved"/>.</summary>
    public int Index { get; init; }

    /// <summary>The new messages, in order.</summary>
    public required ImmutableArray<TurnMessage> Messages { get; init; }

    /// <summary>Tools in force for this turn, as rendered into the prompt.</summary>
    public ImmutableArray<ToolDeclaration> Tools { get; init; } = [];

    /// <summary>How the answer was asked for; null: as usual.</summary>
    public ReplySettings? Reply { get; init; }
}

/// <summary>What a client chose about the layout of the answer. The prompt was rendered so, and the answer is read so.</summary>
/// <param name="Thinks">Whether the model may think before it answers.</param>
/// <param name="KeepsThoughts">Whether thoughts of earlier turns stay in the prompt.</param>
/// <param name="ForcedTool">A declared tool that the answer calls; null: the model decides.</param>
public sealed record ReplySettings(bool Thinks = true, bool KeepsThoughts = false, string? ForcedTool = null);

/// <summary>One message as the client sent it.</summary>
public sealed record TurnMessage
{
    /// <summary><c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</summary>
    public required string Role { get; init; }

    public string Content { get; init; } = "";

    /// <summary>For <c>assistant</c>: what it thought before; null: nothing, or not told.</summary>
    public string? Reasoning { get; init; }

    /// <summary>For <c>assistant</c>: the calls it made.</summary>
    public ImmutableArray<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>For <c>tool</c>: the call it answers.</summary>
    public string? ToolCallId { get; init; }
}

/// <summary>A function the model may call.</summary>
/// <param name="Name">Letters, digits, <c>_</c> and <c>-</c>, at most 64.</param>
/// <param name="DeclarationJson">The <c>function</c> object as the client sent it (name, description, parameters), compact JSON.</param>
public sealed record ToolDeclaration(string Name, string DeclarationJson);

/// <summary>A call the model made.</summary>
/// <param name="Id">Named by the client's answer to it.</param>
/// <param name="Name">Function name.</param>
/// <param name="ArgumentsJson">Arguments as JSON text.</param>
public sealed record ToolCall(string Id, string Name, string ArgumentsJson);

/// <summary>A stored conversation.</summary>
public sealed record Conversation
{
    /// <summary>The id of its first answer.</summary>
    public required GenerationId Id { get; init; }

    public required ModelReference Model { get; init; }

    /// <summary>Finished turns in order.</summary>
    public required ImmutableArray<FinishedTurn> Turns { get; init; }

    /// <summary>Prompt and kept answer of the last turn: what the next prompt starts with where the template only appends.</summary>
    public required ImmutableArray<int> ContextIds { get; init; }

    /// <summary>The generation that has it reserved; null: none.</summary>
    public GenerationId? Running { get; init; }

    public required DateTimeOffset LastUsedAt { get; init; }
}

/// <summary>A turn with its answer.</summary>
/// <param name="Answer">The generation that answered.</param>
/// <param name="Turn">What was asked.</param>
/// <param name="AnswerIds">Kept ids of choice 0.</param>
/// <param name="Reason">How the answer ended.</param>
public sealed record FinishedTurn(GenerationId Answer, ConversationTurn Turn, ImmutableArray<int> AnswerIds, EndReason Reason);
