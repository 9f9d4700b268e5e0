using System.Buffers;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Answers;
using GlmCluster.Gateway.Streaming;

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

    public Task WriteAnswerAsync(HttpResponse response, ServedGeneration generation, Answer answer, CancellationToken aborted) =>
        OpenAIError.FromEnd(answer.End) is { } error
            ? error.WriteAsync(response, aborted)
            : WriteCompletionAsync(response, generation, answer, aborted);

    public void WriteFault(IBufferWriter<byte> output, Refusal refusal) => OpenAIFrames.WriteError(output, OpenAIError.From(refusal));

    public abstract AnswerReader CreateReader(ServedGeneration generation);

    public abstract IStreamForm OpenStream(ServedGeneration generation, StreamPosition after);

    protected abstract Task WriteCompletionAsync(
        HttpResponse response, ServedGeneration generation, Answer answer, CancellationToken aborted);
}

/// <summary><c>/v1/chat/completions</c>.</summary>
internal sealed class ChatDialect() : OpenAIDialect(ChatMapper.Dialect, "chat.completion.cancelled")
{
    public static ChatDialect Instance { get; } = new();

    public override AnswerReader CreateReader(ServedGeneration generation) => AnswerReader.ForChat(
        generation.Model.Text,
        generation.Request.Id,
        generation.Request.View.Tools,
        generation.Request.View.Reply,
        generation.Request.StopStrings);

    public override IStreamForm OpenStream(ServedGeneration generation, StreamPosition after) => new ChatStreamForm(generation, after);

    protected override Task WriteCompletionAsync(
        HttpResponse response, ServedGeneration generation, Answer answer, CancellationToken aborted) =>
        OpenAIJson.WriteAsync(
            response, ChatWire.CreateCompletion(generation, answer), OpenAIJson.Context.ChatCompletion, aborted);
}

/// <summary><c>/v1/completions</c>.</summary>
internal sealed class TextDialect() : OpenAIDialect(CompletionMapper.Dialect, "text_completion.cancelled")
{
    public static TextDialect Instance { get; } = new();

    public override AnswerReader CreateReader(ServedGeneration generation) =>
        AnswerReader.ForText(generation.Model.Text, generation.Request.Id, generation.Request.StopStrings);

    public override IStreamForm OpenStream(ServedGeneration generation, StreamPosition after) => new TextStreamForm(generation, after);

    protected override Task WriteCompletionAsync(
        HttpResponse response, ServedGeneration generation, Answer answer, CancellationToken aborted)
    {
        string text = generation.Request.View.Prefix + answer.Text;
        TextCompletion completion = ChatWire.CreateText(generation, text, ChatWire.FinishReason(answer), Usage.From(answer.End.Usage));
        return OpenAIJson.WriteAsync(response, completion, OpenAIJson.Context.TextCompletion, aborted);
    }
}
