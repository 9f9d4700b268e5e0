using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>The JSON of a chunk around its text, and around its logprobs if it has them, encoded once per stream.</summary>
internal sealed class TextChunk
{
    /// <summary>Stands for the text in the chunk that is taken apart; a control character, so no name contains it.</summary>
    public const string Mark = "\0";

    /// <summary>Stands for the logprobs, which come after the text.</summary>
    public static readonly RawJson LogprobsMark = new("\"\\u0001\""u8.ToArray());

    private readonly byte[] _before;
    private readonly byte[] _between;
    private readonly byte[] _behind;

    private TextChunk(byte[] before, byte[] between, byte[] behind)
    {
        _before = before;
        _between = between;
        _behind = behind;
    }

    public ReadOnlySpan<byte> Before => _before;

    /// <summary>From the text to the logprobs; empty in a chunk without them.</summary>
    public ReadOnlySpan<byte> Between => _between;

    public ReadOnlySpan<byte> Behind => _behind;

    /// <summary>Takes a chunk apart whose text is <see cref="Mark"/>, and whose logprobs are <see cref="LogprobsMark"/> or none.</summary>
    public static TextChunk From<T>(T chunk, JsonTypeInfo<T> type)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(chunk, type);
        byte[] mark = Encoding.UTF8.GetBytes("\"\\u0000\"");
        int text = json.AsSpan().LastIndexOf(mark);
        byte[] rest = json[(text + mark.Length)..];
        int logprobs = rest.AsSpan().LastIndexOf(LogprobsMark.Utf8.Span);
        return logprobs < 0
            ? new TextChunk(json[..text], [], rest)
            : new TextChunk(json[..text], rest[..logprobs], rest[(logprobs + LogprobsMark.Utf8.Length)..]);
    }
}
