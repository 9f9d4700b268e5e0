using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary><c>logprobs</c> of a chat choice or chunk.</summary>
internal sealed record ChatLogprobs(ImmutableArray<ChatTokenLogprob> Content);

/// <summary>A token that made the text.</summary>
/// <param name="Token">Its text; a part of a character is U+FFFD.</param>
/// <param name="Bytes">Its UTF-8 bytes, which put together make whole characters.</param>
internal sealed record ChatTokenLogprob(string Token, float Logprob, ImmutableArray<int> Bytes, ImmutableArray<ChatTopLogprob> TopLogprobs);

internal sealed record ChatTopLogprob(string Token, float Logprob, ImmutableArray<int> Bytes);

/// <summary><c>logprobs</c> of a plain completion.</summary>
/// <param name="Tokens">Texts; a part of a character is written <c>bytes:\\xe4</c>, as OpenAI does.</param>
/// <param name="TopLogprobs">By text, the token itself included; null where no alternatives were asked for.</param>
/// <param name="TextOffset">Characters of the text before each token.</param>
internal sealed record TextLogprobs(
    ImmutableArray<string> Tokens,
    ImmutableArray<float> TokenLogprobs,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] ImmutableArray<IReadOnlyDictionary<string, float>>? TopLogprobs,
    ImmutableArray<int> TextOffset);
