using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Grains.Abstractions.Generations;

/// <summary>Everything a worker needs to run one generation, and everything a gateway needs to show it, stored at admission.</summary>
/// <remarks>Ids travel, text does not. Records of this contract only grow: a new member is optional.</remarks>
public sealed record GenerationRequest
{
    /// <summary>Version of the stored form.</summary>
    public int Version { get; init; } = 1;

    public required GenerationId Id { get; init; }

    /// <summary>Who asks: an opaque hash of the credential, else of the address. Another caller never sees this generation.</summary>
    public required string Caller { get; init; }

    public required ModelReference Model { get; init; }

    /// <summary>The whole prompt, shape (promptTokens,).</summary>
    public required ImmutableArray<int> PromptIds { get; init; }

    public required SamplingSettings Sampling { get; init; }

    /// <summary>Any of these ids ends the generation; it is logged as its last token.</summary>
    public required ImmutableArray<int> StopIds { get; init; }

    /// <summary>The answer ends before the first of these strings. Empty: none.</summary>
    public ImmutableArray<string> StopStrings { get; init; } = [];

    /// <summary>
    /// Whether the prompt ends where a chat's assistant speaks: the answer then is in the template's reply layout, and stop strings count
    /// in its visible text only.
    /// </summary>
    public bool IsChatReply { get; init; }

    /// <summary>Answers to generate, at least 1: one sequence each, with its index in the generator's key. 0, as an older version stored it: 1.</summary>
    public int Choices { get; init => field = value == 0 ? 1 : value; } = 1;

    /// <summary>Likeliest tokens that are logged beside each token, with the logarithms of their probabilities; 0: only its own; null: none at all.</summary>
    public int? TopLogprobs { get; init; }

    /// <summary>Most tokens to generate for each choice, at least 1.</summary>
    public required int MaxTokens { get; init; }

    public DisconnectPolicy OnDisconnect { get; init; }

    /// <summary>0 is the normal one; a generation of a larger number goes after all of smaller ones, and gives way to them.</summary>
    public int Priority { get; init; }

    /// <summary>
    /// Most time from when a worker takes it until its end, waiting included; counted anew where another worker takes it over. Then it fails as
    /// <see cref="GenerationFaultCode.DeadlineExceeded"/>. Null: any time.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The conversation turn this generation answers; null: none (a plain completion, or <c>store: false</c>).</summary>
    public ConversationTurn? Turn { get; init; }

    /// <summary>Makes a retried admission find the first one; unique per caller. Null: none.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>SHA-256 (hex) over what the client sent, to refuse the same key with another body. Null without a key.</summary>
    public string? IdempotencyFingerprint { get; init; }

    /// <summary>What the dialect needs to show this generation again, also at another gateway.</summary>
    public required ClientView View { get; init; }

    /// <summary>Wall clock of the admitting gateway; shown to clients, decides nothing.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>What happens to a generation when its last reader leaves before its end.</summary>
public enum DisconnectPolicy
{
    /// <summary>Out of the batch within one step; goes on if a reader comes back within the resume window, else ends as cancelled.</summary>
    Park,

    /// <summary>Ends as cancelled at once.</summary>
    Cancel,

    /// <summary>Runs on; can be read later.</summary>
    Detach,
}

/// <summary>The dialect's own memory of a request.</summary>
public sealed record ClientView
{
    /// <summary>Dialect that admitted the request and the only one that shows it, for example <c>openai.chat</c>.</summary>
    public required string Dialect { get; init; }

    /// <summary>Model name as the client wrote it.</summary>
    public required string ModelName { get; init; }

    /// <summary>Whether the stream ends with a usage event.</summary>
    public bool IncludeUsage { get; init; }

    /// <summary>Text put before the answer (a completion's <c>echo</c>); empty: none.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Tools whose calls may appear in the answer.</summary>
    public ImmutableArray<ToolDeclaration> Tools { get; init; } = [];

    /// <summary>How the answer was asked for; null: as usual.</summary>
    public ReplySettings? Reply { get; init; }
}
