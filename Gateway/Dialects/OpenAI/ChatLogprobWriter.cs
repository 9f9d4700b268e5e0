using System.Text.Json;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.Gateway.Answers;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>
/// <c>logprobs</c> of a chat choice or chunk. A token that is a part of a character has U+FFFD for its text; the bytes of the tokens, put
/// together, make whole characters.
/// </summary>
internal sealed class ChatLogprobWriter(ITokenizer tokenizer) : LogprobWriter(tokenizer)
{
    protected override void Write(Utf8JsonWriter json, ReadOnlySpan<AnswerToken> tokens)
    {
        json.WriteStartObject();
        json.WriteStartArray("content"u8);
        foreach (ref readonly AnswerToken token in tokens)
        {
            json.WriteStartObject();
            WriteToken(json, token.Id, token.Logprob);
            json.WriteStartArray("top_logprobs"u8);
            foreach (TokenLogprob top in token.TopLogprobs.Span)
            {
                json.WriteStartObject();
                WriteToken(json, top.Id, top.Logprob);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteToken(Utf8JsonWriter json, int id, float logprob)
    {
        ReadOnlySpan<byte> bytes = BytesOf(id);
        json.WriteString("token"u8, Decode(bytes));
        json.WriteNumber("logprob"u8, logprob);
        json.WriteStartArray("bytes"u8);
        foreach (byte value in bytes)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
    }
}
