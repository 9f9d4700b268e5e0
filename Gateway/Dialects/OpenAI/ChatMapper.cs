using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Streaming;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using static GlmCluster.Gateway.Dialects.OpenAI.SamplingMapper;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Checks a chat request and turns it into an order.</summary>
internal static class ChatMapper
{
    /// <summary>Names the dialect in <see cref="ClientView.Dialect"/>.</summary>
    public const string Dialect = "openai.chat";

    private const int MaxFunctionNameLength = 64;

    private static readonly SearchValues<char> FunctionNameCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    /// <summary>The first thing wrong with the request; null: it can be mapped.</summary>
    public static OpenAIError? Check(ChatRequest request) =>
        Require(request.Model is { Length: > 0 } || request.ConversationId is not null, "model", "given")
        ?? Require(
            request.ConversationId is null || GenerationId.TryParse(request.ConversationId, out _),
            "conversation_id",
            $"the id of an earlier answer: {GenerationId.Digits} hex digits")
        ?? Require(request.MaxCompletionTokens is not < 1, "max_completion_tokens", "1 or more")
        ?? SamplingMapper.Check(request, request.MaxCompletionTokens ?? request.MaxTokens)
        ?? Require(request.TopLogprobs is not (< 0 or > MaxTopLogprobs), "top_logprobs", $"0 to {MaxTopLogprobs}")
        ?? Require(request.TopLogprobs is not > 0 || request.Logprobs == true, "top_logprobs", "left out where 'logprobs' is not true")
        ?? ReplyMapper.Check(request)
        ?? CheckTools(request.Tools ?? [])
        ?? Require(request.Messages is { Length: > 0 }, "messages", "an array with at least one message")
        ?? request.Messages!.Value.Select(CheckMessage).FirstOrDefault(error => error is not null);

    /// <summary>Maps a request that <see cref="Check"/> found nothing wrong with.</summary>
    public static GenerationOrder Map(ChatRequest request, string caller, Idempotency? idempotency) => new()
    {
        Dialect = Dialect,
        Caller = caller,
        ModelName = request.Model is { Length: > 0 } name ? name : null,
        Prompt = new ChatPrompt(
            [.. request.Messages!.Value.Select(message => MapMessage(message!))],
            GenerationId.TryParse(request.ConversationId, out GenerationId conversation) ? conversation : null,
            ReplyMapper.ForbidsTools(request.ToolChoice) ? [] : MapTools(request.Tools),
            request.Store ?? true,
            ReplyMapper.Map(request)),
        Sampling = SamplingMapper.Map(request),
        MaxTokens = request.MaxCompletionTokens ?? request.MaxTokens,
        Choices = request.N ?? 1,
        TopLogprobs = request.Logprobs == true ? request.TopLogprobs ?? 0 : null,
        MaxLength = request.MaxLength,
        IgnoreEos = request.IgnoreEos ?? false,
        StopStrings = request.Stop ?? [],
        Priority = request.Priority ?? 0,
        Timeout = SchedulingFields.MapTimeout(request),
        OnDisconnect = DisconnectRule.For(request.Stream ?? false, idempotency is not null),
        IncludeUsage = request.StreamOptions?.IncludeUsage ?? false,
        Idempotency = idempotency,
    };

    private static OpenAIError? CheckTools(ImmutableArray<ChatRequestTool?> tools)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < tools.Length; i++)
        {
            string? name = FunctionName(tools[i]);
            OpenAIError? error =
                Require(tools[i]?.Type is "function", $"tools[{i}].type", "'function'")
                ?? Require(
                    name is { Length: > 0 and <= MaxFunctionNameLength } && !name.AsSpan().ContainsAnyExcept(FunctionNameCharacters),
                    $"tools[{i}].function.name",
                    $"1 to {MaxFunctionNameLength} letters, digits, '_' or '-'")
                ?? Require(names.Add(name!), $"tools[{i}].function.name", "different from the other tools' names");
            if (error is not null)
            {
                return error;
            }
        }

        return null;
    }

    /// <summary>The declared name; null where there is none.</summary>
    public static string? FunctionName(ChatRequestTool? tool) =>
        tool?.Function is { ValueKind: JsonValueKind.Object } function
        && function.TryGetProperty("name", out JsonElement name)
        && name.ValueKind == JsonValueKind.String
            ? name.GetString()
            : null;

    private static OpenAIError? CheckMessage(ChatRequestMessage? message, int index)
    {
        string field = $"messages[{index}]";
        bool mayLackContent = message is { Role: "assistant", ToolCalls.Length: > 0 };
        return Require(message is not null, field, "an object")
            ?? Require(
                message!.Role is "system" or "developer" or "user" or "assistant" or "tool" or "function",
                $"{field}.role",
                "system, developer, user, assistant, tool or function")
            ?? Require(message.Content is not null || mayLackContent, $"{field}.content", "text")
            ?? Require(
                (message.ToolCalls ?? []).All(call => call?.Function is { Name.Length: > 0, Arguments: not null }),
                $"{field}.tool_calls",
                "calls with a function's name and arguments");
    }

    private static TurnMessage MapMessage(ChatRequestMessage message) => new()
    {
        Role = message.Role switch
        {
            "developer" => "system",
            "function" => "tool",
            _ => message.Role!,
        },
        Content = message.Content ?? "",
        Reasoning = message.ReasoningContent,
        ToolCalls = [.. (message.ToolCalls ?? [])
            .Select(call => new ToolCall(call!.Id ?? "", call.Function!.Name!, call.Function.Arguments!))],
        ToolCallId = message.ToolCallId,
    };

    private static ImmutableArray<ToolDeclaration>? MapTools(ImmutableArray<ChatRequestTool?>? tools) => tools is { } given
        ? [.. given.Select(tool => new ToolDeclaration(FunctionName(tool)!, Compact(tool!.Function!.Value)))]
        : null;

    private static string Compact(JsonElement element)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = OpenAIJson.Encoder }))
        {
            element.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
