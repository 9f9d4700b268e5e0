using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Grains.Routing;

/// <summary>A generation that waits for a worker.</summary>
internal sealed record PendingGeneration
{
    public required GenerationId Id { get; init; }

    public required string Caller { get; init; }

    /// <summary>As <see cref="GenerationRequest.Priority"/>.</summary>
    public required int Priority { get; init; }

    /// <summary>Its choices, one sequence each.</summary>
    public required int Sequences { get; init; }

    /// <summary>Orders what one caller has waiting.</summary>
    public required long QueuedNumber { get; init; }

    /// <summary>A worker died with it: it runs only where nothing else does.</summary>
    public required bool IsSuspect { get; init; }

    /// <summary>Whether it has got tokens, which the next worker must go on from.</summary>
    public required bool HasTokens { get; init; }

    /// <summary>Most sequences of its caller that may run when it begins; null: any number.</summary>
    public int? CallerRunning { get; init; }

    /// <summary>Numerics class in which it, or its conversation, began; null: not known.</summary>
    public string? NumericsClass { get; init; }

    /// <summary>Worker that answered the conversation's last turn; null: none.</summary>
    public Guid? Home { get; init; }

    /// <summary>The conversation's id; null: none.</summary>
    public string? Conversation { get; init; }

    /// <summary>Empty where nobody asks for it.</summary>
    public required ImmutableArray<int> PromptIds { get; init; }
}
