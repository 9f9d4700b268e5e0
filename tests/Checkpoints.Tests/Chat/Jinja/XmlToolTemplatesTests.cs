using System.Text.Json;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Chat.Jinja;

namespace GlmCluster.Checkpoints.Tests.Chat.Jinja;

/// <summary>The strings are the published ones of GLM-4.5/4.6 and GLM-4.7 for one running example.</summary>
public sealed class XmlToolTemplatesTests
{
    private const string TwoTurns =
        """[{"role": "user", "content": "你好"}, {"role": "assistant", "content": "你好！"}, {"role": "user", "content": "天气？"}]""";

    private const string WithSystem =
        """[{"role": "system", "content": "你是助手。"}, {"role": "user", "content": "你好"}]""";

    private const string ToolRound =
        """
        [{"role": "user", "content": "北京天气？"},
         {"role": "assistant", "content": "我来查。", "reasoning_content": "需要查",
          "tool_calls": [{"type": "function", "function": {"name": "get_weather", "arguments": {"city": "北京", "days": 2}}}]},
         {"role": "tool", "content": "{\"t\": 20}"}]
        """;

    private const string Tool =
        """{"type": "function", "function": {"name": "get_weather", "description": "查询天气", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}""";

    private const string ToolsBefore =
        "<|system|>\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within "
        + "<tools></tools> XML tags:\n<tools>\n" + Tool
        + "\n</tools>\n\nFor each function call, output the function name and arguments within the following XML format:\n";

    [Theory]
    [InlineData(TwoTurns, true, "[gMASK]<sop><|user|>\n你好<|assistant|>\n<think></think>\n你好！<|user|>\n天气？<|assistant|>")]
    [InlineData(TwoTurns, false, "[gMASK]<sop><|user|>\n你好/nothink<|assistant|>\n<think></think>\n你好！<|user|>\n天气？/nothink<|assistant|>\n<think></think>")]
    [InlineData(WithSystem, true, "[gMASK]<sop><|system|>\n你是助手。<|user|>\n你好<|assistant|>")]
    [InlineData(ToolRound, true, "[gMASK]<sop><|user|>\n北京天气？<|assistant|>\n<think>需要查</think>\n我来查。\n<tool_call>get_weather\n"
        + "<arg_key>city</arg_key>\n<arg_value>北京</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>"
        + "<|observation|>\n<tool_response>\n{\"t\": 20}\n</tool_response><|assistant|>")]
    public void Glm45_PublishedExamples_AreReproduced(string messages, bool thinks, string prompt) =>
        Assert.Equal(prompt, Render(XmlToolTemplates.Glm45, messages, thinks, null));

    [Theory]
    [InlineData(TwoTurns, true, "[gMASK]<sop><|user|>你好<|assistant|></think>你好！<|user|>天气？<|assistant|><think>")]
    [InlineData(TwoTurns, false, "[gMASK]<sop><|user|>你好<|assistant|></think>你好！<|user|>天气？<|assistant|></think>")]
    [InlineData(WithSystem, true, "[gMASK]<sop><|system|>你是助手。<|user|>你好<|assistant|><think>")]
    [InlineData(ToolRound, true, "[gMASK]<sop><|user|>北京天气？<|assistant|><think>需要查</think>我来查。<tool_call>get_weather<arg_key>city</arg_key>"
        + "<arg_value>北京</arg_value><arg_key>days</arg_key><arg_value>2</arg_value></tool_call><|observation|><tool_response>{\"t\": 20}</tool_response>"
        + "<|assistant|><think>")]
    public void Glm47_PublishedExamples_AreReproduced(string messages, bool thinks, string prompt) =>
        Assert.Equal(prompt, Render(XmlToolTemplates.Glm47, messages, thinks, null));

    [Fact]
    public void Glm45_Tools_AreDeclaredAsPublished() => Assert.Equal(
        "[gMASK]<sop>" + ToolsBefore
        + "<tool_call>{function-name}\n<arg_key>{arg-key-1}</arg_key>\n<arg_value>{arg-value-1}</arg_value>\n<arg_key>{arg-key-2}</arg_key>\n"
        + "<arg_value>{arg-value-2}</arg_value>\n...\n</tool_call><|system|>\n你是助手。<|user|>\n你好<|assistant|>",
        Render(XmlToolTemplates.Glm45, WithSystem, true, Tool));

    [Fact]
    public void Glm47_Tools_AreDeclaredAsPublished() => Assert.Equal(
        "[gMASK]<sop>" + ToolsBefore
        + "<tool_call>{function-name}<arg_key>{arg-key-1}</arg_key><arg_value>{arg-value-1}</arg_value><arg_key>{arg-key-2}</arg_key>"
        + "<arg_value>{arg-value-2}</arg_value>...</tool_call><|system|>你是助手。<|user|>你好<|assistant|><think>",
        Render(XmlToolTemplates.Glm47, WithSystem, true, Tool));

    [Fact]
    public void Glm47_ThoughtsOfEarlierTurns_StayWhereAskedFor()
    {
        const string Messages =
            """[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": "t"}, {"role": "user", "content": "c"}]""";

        Assert.Contains("<|assistant|></think>b", Render(XmlToolTemplates.Glm47, Messages, true, null, clears: true), StringComparison.Ordinal);
        Assert.Contains("<|assistant|><think>t</think>b", Render(XmlToolTemplates.Glm47, Messages, true, null, clears: false), StringComparison.Ordinal);
    }

    private static string Render(string source, string messages, bool thinks, string? tool, bool clears = true) =>
        JinjaTemplate.Parse(source).Render(new Dictionary<string, object?>
        {
            ["messages"] = JinjaJson.Read(JsonDocument.Parse(messages).RootElement),
            ["tools"] = tool is null ? null : JinjaJson.Read(JsonDocument.Parse($"[{tool}]").RootElement),
            ["enable_thinking"] = thinks,
            ["clear_thinking"] = clears,
        }).Text;
}
