using System.Text.Json;
using GlmCluster.Grains.Abstractions.Conversations;
using static GlmCluster.Gateway.Dialects.OpenAI.SamplingMapper;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>Maps what a request says about the answer's layout: thoughts, and whether a tool must be called.</summary>
internal static class ReplyMapper
{
    /// <summary>The first thing wrong; null: it can be mapped.</summary>
    public static OpenAIError? Check(ChatRequest request) =>
        Require(request.Thinking?.Type is null or "enabled" or "disabled", "thinking.type", "'enabled' or 'disabled'")
        ?? Require(
            IsAbsent(request.ToolChoice) || TextOf(request.ToolChoice) is "auto" or "none" or "required" || NamedTool(request.ToolChoice) is not null,
            "tool_choice",
            "'auto', 'none', 'required', or a function's name: {\"type\": \"function\", \"function\": {\"name\": …}}")
        ?? Require(
            TextOf(request.ToolChoice) is not "required" || request.Tools is { Length: 1 },
            "tool_choice",
            "a function's name where there are several tools, or none; 'required' works with exactly one tool");

    /// <summary>Maps a request that <see cref="Check"/> found nothing wrong with; null: everything is as usual.</summary>
    public static ReplySettings? Map(ChatRequest request)
    {
        bool thinks = request.Thinking?.Type is { } type ? type == "enabled" : request.ChatTemplateKwargs?.EnableThinking ?? true;
        bool clears = request.Thinking?.ClearThinking ?? request.ChatTemplateKwargs?.ClearThinking ?? true;
        string? forced = TextOf(request.ToolChoice) == "required" ? ChatMapper.FunctionName(request.Tools!.Value[0]) : NamedTool(request.ToolChoice);
        return thinks && clears && forced is null ? null : new ReplySettings(thinks, KeepsThoughts: !clears, forced);
    }

    /// <summary>With <c>none</c> the tools are not even shown to the model, which keeps it from calling them.</summary>
    public static bool ForbidsTools(JsonElement? choice) => TextOf(choice) == "none";

    private static bool IsAbsent(JsonElement? choice) => choice is null or { ValueKind: JsonValueKind.Null };

    private static string? TextOf(JsonElement? value) => value is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static string? NamedTool(JsonElement? choice) =>
        choice is { ValueKind: JsonValueKind.Object } named
        && named.TryGetProperty("function", out JsonElement function)
        && function.ValueKind == JsonValueKind.Object
        && function.TryGetProperty("name", out JsonElement name)
            ? TextOf(name)
            : null;
}
