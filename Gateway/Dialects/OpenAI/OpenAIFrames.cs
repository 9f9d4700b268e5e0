using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using GlmCluster.Gateway.Streaming;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Writes the SSE frames of one stream: LF, an id, one line of JSON. Frames that the client has already are left out.</summary>
internal sealed class OpenAIFrames(GenerationId generation, StreamPosition after) : IDisposable
{
    internal static readonly JsonWriterOptions TextOptions = new() { Encoder = OpenAIJson.Encoder };

    private readonly byte[] _idLine = Encoding.ASCII.GetBytes($"id: {generation}:");
    private Utf8JsonWriter? _json; // made with the first frame, then reset

    /// <summary>Writes a frame whose JSON differs from its neighbours' only in its text and logprobs. Allocates nothing once warm.</summary>
    /// <param name="output">The response.</param>
    /// <param name="position">Of the frame.</param>
    /// <param name="chunk">JSON around both.</param>
    /// <param name="text">The text.</param>
    /// <param name="logprobs">JSON; empty for a chunk without them.</param>
    public void WriteText(
        IBufferWriter<byte> output, StreamPosition position, TextChunk chunk, ReadOnlySpan<char> text, ReadOnlySpan<byte> logprobs = default)
    {
        if (!WriteIdLine(output, position))
        {
            return;
        }

        output.Write("data: "u8);
        output.Write(chunk.Before);
        Utf8JsonWriter json = Restart(output);
        json.WriteStringValue(text);
        json.Flush();
        output.Write(chunk.Between);
        output.Write(logprobs);
        output.Write(chunk.Behind);
        output.Write("\n\n"u8);
    }

    /// <summary>Writes a frame with any JSON.</summary>
    public void Write<T>(IBufferWriter<byte> output, StreamPosition position, T value, JsonTypeInfo<T> type)
    {
        if (WriteIdLine(output, position))
        {
            WriteData(output, value, type);
        }
    }

    /// <summary>Writes a failure in a frame without an id, so that the client can go on from its last one.</summary>
    public static void WriteError(IBufferWriter<byte> output, OpenAIError error) =>
        WriteData(output, error.ToWire(), OpenAIJson.Context.ErrorBody);

    public static void WriteDone(IBufferWriter<byte> output) => output.Write("data: [DONE]\n\n"u8);

    public void Dispose() => _json?.Dispose();

    private bool WriteIdLine(IBufferWriter<byte> output, StreamPosition position)
    {
        if (position.Rank <= after.Rank)
        {
            return false;
        }

        output.Write(_idLine);
        position.WriteTo(output);
        output.Write("\n"u8);
        return true;
    }

    private Utf8JsonWriter Restart(IBufferWriter<byte> output)
    {
        if (_json is null)
        {
            return _json = new Utf8JsonWriter(output, TextOptions);
        }

        _json.Reset(output);
        return _json;
    }

    private static void WriteData<T>(IBufferWriter<byte> output, T value, JsonTypeInfo<T> type)
    {
        output.Write("data: "u8);
        using (var json = new Utf8JsonWriter(output, TextOptions))
        {
            JsonSerializer.Serialize(json, value, type);
        }

        output.Write("\n\n"u8);
    }
}
