using System.Buffers;
using System.Collections.Immutable;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Answers;
using GlmCluster.Gateway.Streaming;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>What chats and plain completions have in common.</summary>
/// <param name="name">In <see cref="Grains.Abstractions.Generations.ClientView.Dialect"/>.</param>
/// <param name="cancelledObject"><c>object</c> of the answer to a cancelling request.</param>
internal abstract class OpenAIDialect(string name, string cancelledObject) : IDialect
{
    public string Name => name;

    public string CancelledObject => cancelledObject;

    public Task WriteRefusalAsync(HttpResponse response, Refusal refusal, CancellationToken aborted) =>
        OpenAIError.From(refusal).WriteAsync(response, aborted);

    public Task WriteAnswerAsync(
        HttpResponse response, ServedGeneration generation, ImmutableArray<Answer> choices, GenerationEnd end, CancellationToken aborted) =>
        OpenAIError.FromEnd(end) is { } error
            ? error.WriteAsync(response, aborted)
            : WriteCompletionAsync(response, generation, choices, end, aborted);

    public void WriteFault(IBufferWriter<byte> output, Refusal refusal) => OpenAIFrames.WriteError(output, OpenAIError.From(refusal));

    public abstract AnswerReader CreateReader(ServedGeneration generation, int choice);

    public abstract IStreamForm OpenStream(ServedGeneration generation, StreamPosition after);

    protected abstract Task WriteCompletionAsync(
        HttpResponse response, ServedGeneration generation, ImmutableArray<Answer> choices, GenerationEnd end, CancellationToken aborted);
}

/// <summary><c>/v1/chat/completions</c>.</summary>
internal sealed class ChatDialect() : OpenAIDialect(ChatMapper.Dialect, "chat.completion.cancelled")
{
    public static ChatDialect Instance { get; } = new();

    public override AnswerReader CreateReader(ServedGeneration generation, int choice) => AnswerReader.ForChat(
        generation.Model.Text,
        generation.Request.Id,
        choice,
        generation.Request.View.Tools,
        generation.Request.View.Reply,
        generation.Request.StopStrings);

    public override IStreamForm OpenStream(ServedGeneration generation, StreamPosition after) => new ChatStreamForm(generation, after);

    protected override Task WriteCompletionAsync(
        HttpResponse response, ServedGeneration generation, ImmutableArray<Answer> choices, GenerationEnd end, CancellationToken aborted) =>
        OpenAIJson.WriteAsync(
            response, ChatWire.CreateCompletion(generation, choices, end), OpenAIJson.Context.ChatCompletion, aborted);
}

/// <summary><c>/v1/completions</c>.</summary>
internal sealed class TextDialect() : OpenAIDialect(CompletionMapper.Dialect, "text_completion.cancelled")
{
    public static TextDialect Instance { get; } = new();

    public override AnswerReader CreateReader(ServedGeneration generation, int choice) =>
        AnswerReader.ForText(generation.Model.Text, generation.Request.StopStrings);

    public override IStreamForm OpenStream(ServedGeneration generation, StreamPosition after) => new TextStreamForm(generation, after);

    protected override Task WriteCompletionAsync(
        HttpResponse response, ServedGeneration generation, ImmutableArray<Answer> choices, GenerationEnd end, CancellationToken aborted) =>
        OpenAIJson.WriteAsync(
            response,
            ChatWire.CreateText(generation, [.. choices.Select((answer, index) => ToChoice(generation, answer, index))], end),
            OpenAIJson.Context.TextCompletion,
            aborted);

    private static TextChoice ToChoice(ServedGeneration generation, Answer answer, int index) => new(
        generation.Request.View.Prefix + answer.Text,
        index,
        ChatWire.FinishReason(answer),
        ToLogprobs(generation, answer));

    /// <returns>Null where they were not asked for.</returns>
    private static RawJson? ToLogprobs(ServedGeneration generation, Answer answer)
    {
        if (generation.Request.TopLogprobs is not { } alternatives)
        {
            return null;
        }

        using var logprobs = new TextLogprobWriter(generation.Model.Text.Tokenizer, hasAlternatives: alternatives > 0);
        return logprobs.ToJson(answer.Tokens.AsSpan());
    }
}
