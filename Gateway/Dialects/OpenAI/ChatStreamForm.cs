using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Answers;
using GlmCluster.Gateway.Streaming;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>
/// One chat generation as chunks: the roles, a delta per visible piece of text, all calls of a choice at once, the reason, usage if asked for.
/// One of several choices ends with the chunk of its last token; the only one has chunks of its own for what its end released and for the reason.
/// </summary>
internal sealed class ChatStreamForm(ServedGeneration generation, StreamPosition after) : IStreamForm
{
    private readonly OpenAIFrames _frames = new(generation.Request.Id, after);
    private readonly TextChunk[] _textChunks = CreateChunks(generation, new ChatDelta(Content: TextChunk.Mark), null);
    private readonly TextChunk[] _reasoningChunks = CreateChunks(generation, new ChatDelta(ReasoningContent: TextChunk.Mark), null);
    private readonly TextChunk[] _logprobChunks = generation.Request.TopLogprobs is null
        ? []
        : CreateChunks(generation, new ChatDelta(Content: TextChunk.Mark), TextChunk.LogprobsMark);

    private readonly ChatLogprobWriter _logprobs = new(generation.Model.Text.Tokenizer);
    private char[] _thought = [];

    public void WriteStart(IBufferWriter<byte> output) => Write(
        output,
        StreamPosition.Start,
        [.. _textChunks.Select((_, choice) => new ChatChunkChoice(choice, new ChatDelta(Role: ChatWire.Assistant, Content: ""), null))]);

    public void WriteText(
        IBufferWriter<byte> output, long seq, int choice, ReadOnlySpan<char> text, StringBuilder reasoning, ReadOnlySpan<AnswerToken> tokens)
    {
        var position = new StreamPosition(seq);
        if (text.IsEmpty)
        {
            reasoning.CopyTo(0, ReserveThought(reasoning.Length), reasoning.Length);
            _frames.WriteText(output, position, _reasoningChunks[choice], _thought.AsSpan(0, reasoning.Length));
        }
        else if (reasoning.Length > 0)
        {
            // The thought's last token, once in an answer.
            Write(output, position, Delta(choice, new ChatDelta(Content: new string(text), ReasoningContent: reasoning.ToString()), null, tokens));
        }
        else if (tokens.IsEmpty)
        {
            _frames.WriteText(output, position, _textChunks[choice], text);
        }
        else
        {
            _frames.WriteText(output, position, _logprobChunks[choice], text, _logprobs.Write(tokens));
        }
    }

    public void WriteChoiceEnd(IBufferWriter<byte> output, long seq, int choice, Answer tail) =>
        Write(output, new StreamPosition(seq), Delta(choice, ToDelta(tail), ChatWire.FinishReason(tail), tail.Tokens.AsSpan()));

    public void WriteEnd(IBufferWriter<byte> output, Answer? tail, GenerationEnd end)
    {
        if (tail is not null && (tail.Text.Length > 0 || tail.Reasoning.Length > 0 || tail.ToolCalls.Length > 0))
        {
            Write(output, StreamPosition.Tail, Delta(0, ToDelta(tail), null, tail.Tokens.AsSpan()));
        }

        if (OpenAIError.FromEnd(end) is { } error)
        {
            OpenAIFrames.WriteError(output, error);
            return;
        }

        if (tail is not null)
        {
            Write(output, StreamPosition.End, new ChatChunkChoice(0, new ChatDelta(), ChatWire.FinishReason(tail)));
        }

        if (generation.Request.View.IncludeUsage)
        {
            _frames.Write(output, StreamPosition.Usage, ChatWire.CreateUsageChunk(generation, end), OpenAIJson.Context.ChatChunk);
        }

        OpenAIFrames.WriteDone(output);
    }

    public void Dispose()
    {
        _frames.Dispose();
        _logprobs.Dispose();
    }

    private static TextChunk[] CreateChunks(ServedGeneration generation, ChatDelta delta, RawJson? logprobs) =>
    [
        .. Enumerable.Range(0, generation.Request.Choices).Select(choice => TextChunk.From(
            ChatWire.CreateChunk(generation, new ChatChunkChoice(choice, delta, null, logprobs)), OpenAIJson.Context.ChatChunk)),
    ];

    private Span<char> ReserveThought(int length)
    {
        if (_thought.Length < length)
        {
            _thought = new char[2 * length];
        }

        return _thought.AsSpan(0, length);
    }

    private ChatChunkChoice Delta(int choice, ChatDelta delta, string? finishReason, ReadOnlySpan<AnswerToken> tokens) =>
        new(choice, delta, finishReason, tokens.IsEmpty ? null : _logprobs.ToJson(tokens));

    private static ChatDelta ToDelta(Answer tail) =>
        new(
            Content: tail.Text.Length > 0 ? tail.Text : null,
            ReasoningContent: tail.Reasoning.Length > 0 ? tail.Reasoning : null,
            ToolCalls: ChatWire.MapCalls(tail.ToolCalls, indexed: true));

    private void Write(IBufferWriter<byte> output, StreamPosition position, params ImmutableArray<ChatChunkChoice> choices) =>
        _frames.Write(output, position, ChatWire.CreateChunk(generation, choices), OpenAIJson.Context.ChatChunk);
}
