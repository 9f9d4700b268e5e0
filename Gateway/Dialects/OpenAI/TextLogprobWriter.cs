using System.Text.Json;
using System.Text.Unicode;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.Gateway.Answers;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>
/// <c>logprobs</c> of a plain completion: texts (a part of a character is <c>bytes:\\xe4</c>, as OpenAI writes it), logprobs, alternatives by
/// text with the token itself among them, and the whole characters before each token. Reads all tokens of one choice, in order.
/// </summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="hasAlternatives">Whether any were asked for; else they are null.</param>
internal sealed class TextLogprobWriter(ITokenizer tokenizer, bool hasAlternatives) : LogprobWriter(tokenizer)
{
    private readonly IncrementalDetokenizer _detokenizer = new(tokenizer);
    private int _length; // whole characters so far

    protected override void Write(Utf8JsonWriter json, ReadOnlySpan<AnswerToken> tokens)
    {
        json.WriteStartObject();
        json.WriteStartArray("tokens"u8);
        foreach (ref readonly AnswerToken token in tokens)
        {
            json.WriteStringValue(NameOf(token.Id));
        }

        json.WriteEndArray();
        json.WriteStartArray("token_logprobs"u8);
        foreach (ref readonly AnswerToken token in tokens)
        {
            json.WriteNumberValue(token.Logprob);
        }

        json.WriteEndArray();
        json.WritePropertyName("top_logprobs"u8);
        WriteAlternatives(json, tokens);
        json.WriteStartArray("text_offset"u8);
        foreach (ref readonly AnswerToken token in tokens)
        {
            json.WriteNumberValue(_length);
            _length += _detokenizer.Push(token.Id).Length;
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteAlternatives(Utf8JsonWriter json, ReadOnlySpan<AnswerToken> tokens)
    {
        if (!hasAlternatives)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartArray();
        foreach (ref readonly AnswerToken token in tokens)
        {
            json.WriteStartObject();
            ReadOnlySpan<TokenLogprob> tops = token.TopLogprobs.Span;
            for (int i = 0; i < tops.Length; i++)
            {
                WriteUnlessNamed(json, tops[..i], tops[i]);
            }

            WriteUnlessNamed(json, tops, new TokenLogprob(token.Id, token.Logprob));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>Two tokens may have one text: the likelier one, which came before, counts.</summary>
    private void WriteUnlessNamed(Utf8JsonWriter json, ReadOnlySpan<TokenLogprob> before, TokenLogprob token)
    {
        ReadOnlySpan<byte> bytes = BytesOf(token.Id);
        foreach (TokenLogprob other in before)
        {
            if (BytesOf(other.Id).SequenceEqual(bytes))
            {
                return;
            }
        }

        json.WriteNumber(NameOf(token.Id), token.Logprob);
    }

    private ReadOnlySpan<char> NameOf(int id)
    {
        const string prefix = "bytes:";
        ReadOnlySpan<byte> bytes = BytesOf(id);
        if (Utf8.IsValid(bytes))
        {
            return Decode(bytes);
        }

        Span<char> name = Reserve(prefix.Length + (4 * bytes.Length));
        prefix.CopyTo(name);
        int length = prefix.Length;
        foreach (byte value in bytes)
        {
            name[length] = '\\';
            name[length + 1] = 'x';
            value.TryFormat(name[(length + 2)..], out _, "x2");
            length += 4;
        }

        return name[..length];
    }
}
