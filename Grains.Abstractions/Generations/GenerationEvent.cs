using System.Text.Json.Serialization;

namespace GlmCluster.Grains.Abstractions.Generations;

/// <summary>One thing a reader of a generation sees.</summary>
public abstract record GenerationEvent;

/// <summary>Tokens of one choice, in log order.</summary>
/// <param name="FirstSeq">Log position of the first id, counted from 1 over all choices of the generation.</param>
/// <param name="Choice">Index of the choice, from 0.</param>
/// <param name="Ids">Shape (tokens,), at least one; valid until the next event is asked for.</param>
/// <param name="Logprobs">As in <see cref="LogEntry"/>; empty: not asked for. Valid as long as the ids.</param>
/// <param name="TopLogprobs">As in <see cref="LogEntry"/>; empty: not asked for. Valid as long as the ids.</param>
/// <param name="End">Set where the choice ends with the last id. Always set there for a generation of several choices; the only one ends with its generation.</param>
public sealed record TokensAppended(
    long FirstSeq,
    int Choice,
    ReadOnlyMemory<int> Ids,
    ReadOnlyMemory<float> Logprobs = default,
    ReadOnlyMemory<TokenLogprob> TopLogprobs = default,
    ChoiceEnd? End = null) : GenerationEvent;

/// <summary>The last event of every generation.</summary>
public sealed record GenerationEnded(GenerationEnd End) : GenerationEvent;

/// <summary>How a generation ended.</summary>
/// <param name="Reason">Why; of several choices that came to their ends, why the first one did.</param>
/// <param name="Usage">Tokens it cost.</param>
/// <param name="Fault">What went wrong, for <see cref="EndReason.Failed"/>; else null.</param>
public sealed record GenerationEnd(EndReason Reason, TokenUsage Usage, GenerationFault? Fault = null);

[JsonConverter(typeof(JsonStringEnumConverter<EndReason>))]
public enum EndReason
{
    /// <summary>A stop id or a stop string.</summary>
    Stop,

    /// <summary>The token limit or the end of the context.</summary>
    Length,

    /// <summary>The client cancelled or did not come back.</summary>
    Cancelled,

    /// <summary>See the fault.</summary>
    Failed,
}

/// <summary>Tokens of one generation.</summary>
/// <param name="PromptTokens">Ids of the prompt.</param>
/// <param name="CompletionTokens">Ids in the log over all choices, stop ids included.</param>
/// <param name="CachedTokens">Prompt tokens that were found in the prefix cache.</param>
public sealed record TokenUsage(int PromptTokens, int CompletionTokens, int CachedTokens = 0);

/// <summary>An outcome that a dialect turns into a status code or an error event.</summary>
/// <param name="Code">Which.</param>
/// <param name="Message">Names the value, the limit and the remedy; fit for clients.</param>
/// <param name="RetryAfter">When trying again may help; null: it will not.</param>
public sealed record GenerationFault(GenerationFaultCode Code, string Message, TimeSpan? RetryAfter = null);

[JsonConverter(typeof(JsonStringEnumConverter<GenerationFaultCode>))]
public enum GenerationFaultCode
{
    UnknownModel,
    UnknownConversation,
    ConversationBusy,
    ConversationMoved,
    IdempotencyMismatch,
    PromptTooLong,
    Overloaded,
    Unavailable,
    WorkerLost,
    Internal,
    DeadlineExceeded,
}
