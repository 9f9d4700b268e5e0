using System.Collections.Immutable;
using System.Text;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Answers;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Puts tokens and their logprobs into wire records.</summary>
internal static class LogprobWire
{
    /// <returns>Null where they were not asked for.</returns>
    public static ChatLogprobs? ForChat(ServedGeneration generation, ImmutableArray<AnswerToken> tokens)
    {
        ITokenizer tokenizer = generation.Model.Text.Tokenizer;
        return generation.Request.TopLogprobs is null ? null : new ChatLogprobs([.. tokens.Select(ToObject)]);

        ChatTokenLogprob ToObject(AnswerToken token)
        {
            byte[] bytes = BytesOf(tokenizer, token.Id);
            return new ChatTokenLogprob(
                Encoding.UTF8.GetString(bytes), token.Logprob, ToNumbers(bytes), [.. token.TopLogprobs.Select(top => ToTop(tokenizer, top))]);
        }
    }

    /// <param name="generation">Whose.</param>
    /// <param name="tokens">New tokens.</param>
    /// <param name="before">Has read the choice's earlier tokens, and reads these.</param>
    /// <returns>Null where they were not asked for.</returns>
    public static TextLogprobs? ForText(ServedGeneration generation, ImmutableArray<AnswerToken> tokens, TextOffsets before)
    {
        if (generation.Request.TopLogprobs is not { } tops)
        {
            return null;
        }

        ITokenizer tokenizer = generation.Model.Text.Tokenizer;
        return new TextLogprobs(
            [.. tokens.Select(token => NameOf(tokenizer, token.Id))],
            [.. tokens.Select(token => token.Logprob)],
            tops == 0 ? null : [.. tokens.Select(token => ToNames(tokenizer, token))],
            [.. tokens.Select(token => before.Next(token.Id))]);
    }

    private static ChatTopLogprob ToTop(ITokenizer tokenizer, TokenLogprob top)
    {
        byte[] bytes = BytesOf(tokenizer, top.Id);
        return new ChatTopLogprob(Encoding.UTF8.GetString(bytes), top.Logprob, ToNumbers(bytes));
    }

    private static Dictionary<string, float> ToNames(ITokenizer tokenizer, AnswerToken token)
    {
        var names = new Dictionary<string, float>(StringComparer.Ordinal);
        foreach (TokenLogprob top in token.TopLogprobs)
        {
            names.TryAdd(NameOf(tokenizer, top.Id), top.Logprob); // the likelier one, should two have one text
        }

        names.TryAdd(NameOf(tokenizer, token.Id), token.Logprob);
        return names;
    }

    private static string NameOf(ITokenizer tokenizer, int id)
    {
        byte[] bytes = BytesOf(tokenizer, id);
        return System.Text.Unicode.Utf8.IsValid(bytes)
            ? Encoding.UTF8.GetString(bytes)
            : "bytes:" + string.Concat(bytes.Select(value => $"\\x{value:x2}"));
    }

    /// <summary>What an id prints; of a special token, which prints nothing, its name.</summary>
    private static byte[] BytesOf(ITokenizer tokenizer, int id) =>
        tokenizer.FindSpecialText(id) is { } name ? Encoding.UTF8.GetBytes(name) : tokenizer.GetBytes(id).ToArray();

    private static ImmutableArray<int> ToNumbers(byte[] bytes) => [.. bytes.Select(value => (int)value)];
}

/// <summary>Where the tokens of a text begin.</summary>
internal sealed class TextOffsets(ITokenizer tokenizer)
{
    private readonly IncrementalDetokenizer _detokenizer = new(tokenizer);
    private int _length;

    /// <summary>Takes the next token.</summary>
    /// <returns>Whole characters before it.</returns>
    public int Next(int id)
    {
        int before = _length;
        _length += _detokenizer.Push(id).Length;
        return before;
    }
}
