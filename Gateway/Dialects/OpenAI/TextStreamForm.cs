using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Answers;
using GlmCluster.Gateway.Streaming;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>One plain completion as chunks: the echo if asked for, a chunk per visible piece of text, the reason, usage if asked for.</summary>
/// <remarks>Choices end as in <see cref="ChatStreamForm"/>.</remarks>
internal sealed class TextStreamForm(ServedGeneration generation, StreamPosition after) : IStreamForm
{
    private readonly OpenAIFrames _frames = new(generation.Request.Id, after);
    private readonly TextChunk[] _textChunks = CreateChunks(generation, null);
    private readonly TextChunk[] _logprobChunks = generation.Request.TopLogprobs is null ? [] : CreateChunks(generation, TextChunk.LogprobsMark);
    private readonly TextLogprobWriter[] _logprobs =
    [
        .. Enumerable.Range(0, generation.Request.Choices)
            .Select(_ => new TextLogprobWriter(generation.Model.Text.Tokenizer, hasAlternatives: generation.Request.TopLogprobs > 0)),
    ];

    public void WriteStart(IBufferWriter<byte> output)
    {
        string echo = generation.Request.View.Prefix;
        if (echo.Length > 0)
        {
            Write(output, StreamPosition.Start, [.. _textChunks.Select((_, choice) => new TextChoice(echo, choice, null))]);
        }
    }

    public void WriteText(
        IBufferWriter<byte> output, long seq, int choice, ReadOnlySpan<char> text, StringBuilder reasoning, ReadOnlySpan<AnswerToken> tokens)
    {
        if (tokens.IsEmpty)
        {
            _frames.WriteText(output, new StreamPosition(seq), _textChunks[choice], text);
        }
        else
        {
            _frames.WriteText(output, new StreamPosition(seq), _logprobChunks[choice], text, _logprobs[choice].Write(tokens));
        }
    }

    public void WriteChoiceEnd(IBufferWriter<byte> output, long seq, int choice, Answer tail) =>
        Write(output, new StreamPosition(seq), ToChoice(choice, tail.Text, ChatWire.FinishReason(tail), tail.Tokens.AsSpan()));

    public void WriteEnd(IBufferWriter<byte> output, Answer? tail, GenerationEnd end)
    {
        if (tail is { Text.Length: > 0 })
        {
            Write(output, StreamPosition.Tail, ToChoice(0, tail.Text, null, tail.Tokens.AsSpan()));
        }

        if (OpenAIError.FromEnd(end) is { } error)
        {
            OpenAIFrames.WriteError(output, error);
            return;
        }

        if (tail is not null)
        {
            Write(output, StreamPosition.End, new TextChoice("", 0, ChatWire.FinishReason(tail)));
        }

        if (generation.Request.View.IncludeUsage)
        {
            _frames.Write(output, StreamPosition.Usage, ChatWire.CreateText(generation, [], end), OpenAIJson.Context.TextCompletion);
        }

        OpenAIFrames.WriteDone(output);
    }

    public void Dispose()
    {
        _frames.Dispose();
        foreach (TextLogprobWriter logprobs in _logprobs)
        {
            logprobs.Dispose();
        }
    }

    private static TextChunk[] CreateChunks(ServedGeneration generation, RawJson? logprobs) =>
    [
        .. Enumerable.Range(0, generation.Request.Choices).Select(choice => TextChunk.From(
            ChatWire.CreateText(generation, [new TextChoice(TextChunk.Mark, choice, null, logprobs)]), OpenAIJson.Context.TextCompletion)),
    ];

    private TextChoice ToChoice(int choice, string text, string? finishReason, ReadOnlySpan<AnswerToken> tokens) =>
        new(text, choice, finishReason, tokens.IsEmpty ? null : _logprobs[choice].ToJson(tokens));

    private void Write(IBufferWriter<byte> output, StreamPosition position, params ImmutableArray<TextChoice> choices) =>
        _frames.Write(output, position, ChatWire.CreateText(generation, choices), OpenAIJson.Context.TextCompletion);
}
