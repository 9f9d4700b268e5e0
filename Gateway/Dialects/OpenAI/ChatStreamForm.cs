using System.Buffers;
using System.Text;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Answers;
using GlmCluster.Gateway.Streaming;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>One chat answer as chunks: the role, a delta per visible piece of text, all calls at once, the reason, usage if asked for.</summary>
internal sealed class ChatStreamForm(ServedGeneration generation, StreamPosition after) : IStreamForm
{
    private readonly OpenAIFrames _frames = new(generation.Request.Id, after);
    private readonly TextChunk _textChunk = TextChunk.From(
        ChatWire.CreateChunk(generation, new ChatDelta(Content: TextChunk.Mark)), OpenAIJson.Context.ChatChunk);

    private readonly TextChunk _reasoningChunk = TextChunk.From(
        ChatWire.CreateChunk(generation, new ChatDelta(ReasoningContent: TextChunk.Mark)), OpenAIJson.Context.ChatChunk);
    private char[] _thought = [];

    public void WriteStart(IBufferWriter<byte> output) =>
        Write(output, StreamPosition.Start, new ChatDelta(Role: ChatWire.Assistant, Content: ""));

    public void WriteText(IBufferWriter<byte> output, long seq, ReadOnlySpan<char> text, StringBuilder reasoning)
    {
        var position = new StreamPosition(seq);
        if (reasoning.Length == 0)
        {
            _frames.WriteText(output, position, _textChunk, text);
        }
        else if (text.IsEmpty)
        {
            reasoning.CopyTo(0, ReserveThought(reasoning.Length), reasoning.Length);
            _frames.WriteText(output, position, _reasoningChunk, _thought.AsSpan(0, reasoning.Length));
        }
        else
        {
            Write(output, position, new ChatDelta(Content: new string(text), ReasoningContent: reasoning.ToString())); // the thought's last token
        }
    }

    public void WriteEnd(IBufferWriter<byte> output, Answer tail)
    {
        if (tail.Text.Length > 0 || tail.Reasoning.Length > 0 || tail.ToolCalls.Length > 0)
        {
            string? text = tail.Text.Length > 0 ? tail.Text : null;
            string? reasoning = tail.Reasoning.Length > 0 ? tail.Reasoning : null;
            Write(output, StreamPosition.Tail, new ChatDelta(null, text, reasoning, ChatWire.MapCalls(tail.ToolCalls, indexed: true)));
        }

        if (OpenAIError.FromEnd(tail.End) is { } error)
        {
            OpenAIFrames.WriteError(output, error);
            return;
        }

        Write(output, StreamPosition.End, new ChatDelta(), ChatWire.FinishReason(tail));
        if (generation.Request.View.IncludeUsage)
        {
            _frames.Write(output, StreamPosition.Usage, ChatWire.CreateUsageChunk(generation, tail.End), OpenAIJson.Context.ChatChunk);
        }

        OpenAIFrames.WriteDone(output);
    }

    public void Dispose() => _frames.Dispose();

    private Span<char> ReserveThought(int length)
    {
        if (_thought.Length < length)
        {
            _thought = new char[2 * length];
        }

        return _thought.AsSpan(0, length);
    }

    private void Write(IBufferWriter<byte> output, StreamPosition position, ChatDelta delta, string? finishReason = null) =>
        _frames.Write(output, position, ChatWire.CreateChunk(generation, delta, finishReason), OpenAIJson.Context.ChatChunk);
}
