using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.Gateway.Answers;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Writes tokens and their logprobs as JSON. Allocates nothing once warm.</summary>
internal abstract class LogprobWriter(ITokenizer tokenizer) : IDisposable
{
    private readonly ArrayBufferWriter<byte> _output = new();
    private readonly Dictionary<int, byte[]> _specialTexts = [];
    private Utf8JsonWriter? _json; // made with the first tokens, then reset
    private char[] _text = new char[64];

    /// <summary>Writes the next visible tokens of a choice as its chunk's <c>logprobs</c>.</summary>
    /// <returns>JSON, valid until the next call.</returns>
    public ReadOnlySpan<byte> Write(ReadOnlySpan<AnswerToken> tokens)
    {
        _output.ResetWrittenCount();
        _json ??= new Utf8JsonWriter(_output, OpenAIFrames.TextOptions);
        _json.Reset();
        Write(_json, tokens);
        _json.Flush();
        return _output.WrittenSpan;
    }

    /// <summary>The same, to be kept.</summary>
    public RawJson ToJson(ReadOnlySpan<AnswerToken> tokens) => new(Write(tokens).ToArray());

    public void Dispose() => _json?.Dispose();

    protected abstract void Write(Utf8JsonWriter json, ReadOnlySpan<AnswerToken> tokens);

    /// <summary>What an id prints; of a special token, which prints nothing, its name.</summary>
    protected ReadOnlySpan<byte> BytesOf(int id)
    {
        if (!tokenizer.IsSpecial(id))
        {
            return tokenizer.GetBytes(id);
        }

        if (!_specialTexts.TryGetValue(id, out byte[]? text))
        {
            text = Encoding.UTF8.GetBytes(tokenizer.FindSpecialText(id) ?? "");
            _specialTexts.Add(id, text);
        }

        return text;
    }

    /// <summary>The characters of UTF-8, with U+FFFD for what is none.</summary>
    /// <returns>Valid until the next call.</returns>
    protected ReadOnlySpan<char> Decode(ReadOnlySpan<byte> bytes)
    {
        Utf8.ToUtf16(bytes, Reserve(bytes.Length), out _, out int length);
        return _text.AsSpan(0, length);
    }

    /// <summary>Room for text that only the next call needs.</summary>
    protected Span<char> Reserve(int length)
    {
        if (_text.Length < length)
        {
            _text = new char[2 * length];
        }

        return _text;
    }
}
