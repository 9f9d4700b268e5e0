using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Admissions;

/// <summary>What a client asks for, checked and free of its dialect's wire types.</summary>
internal sealed record GenerationOrder
{
    public required string Dialect { get; init; }

    public required string Caller { get; init; }

    /// <summary>Null: the conversation's model.</summary>
    public required string? ModelName { get; init; }

    public required PromptSource Prompt { get; init; }

    public SamplingOverrides Sampling { get; init; } = new();

    /// <summary>Null: up to the end of the context.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Most tokens of prompt and answer together; null: as many as the context holds. <see cref="MaxTokens"/> wins.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Whether the model's own stop ids do not end the answer.</summary>
    public bool IgnoreEos { get; init; }

    public int Choices { get; init; } = 1;

    /// <summary>As <see cref="GenerationRequest.TopLogprobs"/>.</summary>
    public int? TopLogprobs { get; init; }

    public ImmutableArray<string> StopStrings { get; init; } = [];

    /// <summary>0: the normal one; larger numbers go after smaller ones.</summary>
    public int Priority { get; init; }

    /// <summary>Null: any time.</summary>
    public TimeSpan? Timeout { get; init; }

    public required DisconnectPolicy OnDisconnect { get; init; }

    public bool IncludeUsage { get; init; }

    /// <summary>Put before the answer; see <see cref="ClientView.Prefix"/>.</summary>
    public bool Echo { get; init; }

    public Idempotency? Idempotency { get; init; }
}

/// <summary>Makes a repeated request find the first one.</summary>
/// <param name="Key">The client's.</param>
/// <param name="Fingerprint">SHA-256 (hex) over path and body.</param>
internal sealed record Idempotency(string Key, string Fingerprint);

/// <summary>What the prompt is made of.</summary>
internal abstract record PromptSource
{
    /// <summary>The wire field it came from, for errors.</summary>
    public abstract string Field { get; }
}

/// <summary>Messages for the model's chat template.</summary>
/// <param name="Messages">All of them, or the new ones of a conversation.</param>
/// <param name="Conversation">The id of any of its answers; null: a new one.</param>
/// <param name="Tools">Null: the conversation's.</param>
/// <param name="Store">False: neither the turn nor its answer is kept.</param>
/// <param name="Reply">How the answer is asked for; null: as usual.</param>
internal sealed record ChatPrompt(
    ImmutableArray<TurnMessage> Messages,
    GenerationId? Conversation,
    ImmutableArray<ToolDeclaration>? Tools,
    bool Store,
    ReplySettings? Reply = null)
    : PromptSource
{
    public override string Field => "messages";
}

/// <summary>Bare text to be continued.</summary>
internal sealed record TextPrompt(string Text) : PromptSource
{
    public override string Field => "prompt";
}

/// <summary>Bare ids to be continued.</summary>
internal sealed record IdsPrompt(ImmutableArray<int> Ids) : PromptSource
{
    public override string Field => "prompt";
}
