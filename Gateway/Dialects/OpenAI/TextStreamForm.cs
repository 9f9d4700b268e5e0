using System.Buffers;
using System.Text;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Answers;
using GlmCluster.Gateway.Streaming;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>One plain completion as chunks: the echo if asked for, a chunk per visible piece of text, the reason, usage if asked for.</summary>
internal sealed class TextStreamForm(ServedGeneration generation, StreamPosition after) : IStreamForm
{
    private readonly OpenAIFrames _frames = new(generation.Request.Id, after);
    private readonly TextChunk _textChunk = TextChunk.From(
        ChatWire.CreateText(generation, TextChunk.Mark, null, null), OpenAIJson.Context.TextCompletion);

    public void WriteStart(IBufferWriter<byte> output)
    {
        string echo = generation.Request.View.Prefix;
        if (echo.Length > 0)
        {
            _frames.WriteText(output, StreamPosition.Start, _textChunk, echo);
        }
    }

    public void WriteText(IBufferWriter<byte> output, long seq, ReadOnlySpan<char> text, StringBuilder reasoning) =>
        _frames.WriteText(output, new StreamPosition(seq), _textChunk, text);

    public void WriteEnd(IBufferWriter<byte> output, Answer tail)
    {
        if (tail.Text.Length > 0)
        {
            _frames.WriteText(output, StreamPosition.Tail, _textChunk, tail.Text);
        }

        if (OpenAIError.FromEnd(tail.End) is { } error)
        {
            OpenAIFrames.WriteError(output, error);
            return;
        }

        Write(output, StreamPosition.End, ChatWire.CreateText(generation, "", ChatWire.FinishReason(tail), null));
        if (generation.Request.View.IncludeUsage)
        {
            Write(output, StreamPosition.Usage, ChatWire.CreateTextUsage(generation, tail.End));
        }

        OpenAIFrames.WriteDone(output);
    }

    public void Dispose() => _frames.Dispose();

    private void Write(IBufferWriter<byte> output, StreamPosition position, TextCompletion chunk) =>
        _frames.Write(output, position, chunk, OpenAIJson.Context.TextCompletion);
}
