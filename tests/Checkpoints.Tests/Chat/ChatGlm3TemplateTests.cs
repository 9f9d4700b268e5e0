using System.Text.Json;
using System.Text.RegularExpressions;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Tests.Text;
using GlmCluster.Checkpoints.Tests.Tokenization;
using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Checkpoints.Tests.Chat;

public sealed partial class ChatGlm3TemplateTests
{
    private const string WeatherJson =
        """{"name":"get_weather","description":"查询天气","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}""";

    private const string IndentedTools =
        "[\n    {\n        \"name\": \"get_weather\",\n        \"description\": \"查询天气\",\n        \"parameters\": {\n            \"type\": \"object\",\n" +
        "            \"properties\": {\n                \"city\": {\n                    \"type\": \"string\"\n                }\n            },\n" +
        "            \"required\": [\n                \"city\"\n            ]\n        }\n    }\n]";

    private static readonly ChatMessage[] TwoTurns = [User("你好"), Assistant("你好！"), User("天气？")];

    private static ITokenizer Tokenizer => TestModels.ChatGlm3.Tokenizer;

    private static IChatTemplate Template => TestModels.ChatGlm3.ChatTemplate!;

    public static TheoryData<int> PublishedChats() =>
        [.. PublishedVectors.All().Where(v => v.Family == "chatglm3-6b" && v.Group == "public" && v.Index > 0).Select(v => v.Index)];

    [Theory]
    [MemberData(nameof(PublishedChats))]
    public void Render_PublishedChat_GivesItsIds(int index)
    {
        JsonElement vector = PublishedVectors.Get("public", "chatglm3-6b", index);
        ChatMessage[] messages = [.. vector.GetProperty("messages").EnumerateArray().Select(message => new ChatMessage(
            Enum.Parse<ChatRole>(message.GetProperty("role").GetString()!.Replace("observation", "Tool", StringComparison.Ordinal), ignoreCase: true),
            message.GetProperty("content").GetString()!,
            []))];

        Assert.Equal(PublishedVectors.IdsOf(vector), Template.Render(messages, [], ChatOptions.Default));
    }

    [Fact]
    public void Render_Chats_AreThePublishedTexts()
    {
        ChatTool weather = new("get_weather", WeatherJson);
        ChatMessage system = new(ChatRole.System, "你是助手。", []);
        ChatMessage call = new(ChatRole.Assistant, "", [new ChatToolCall("get_weather", """{"city": "北京"}""")]);
        (List<int> Ids, string Text)[] cases =
        [
            (Template.Render(TwoTurns, [], ChatOptions.Default), "[gMASK]sop<|user|>\n 你好<|assistant|>\n 你好！<|user|>\n 天气？<|assistant|>"),
            (Template.Render([system, .. TwoTurns], [], ChatOptions.Default),
                "[gMASK]sop<|system|>\n 你是助手。<|user|>\n 你好<|assistant|>\n 你好！<|user|>\n 天气？<|assistant|>"),
            (Template.Render([User("北京天气？"), call, new ChatMessage(ChatRole.Tool, """{"t": 20}""", [])], [weather], ChatOptions.Default),
                "[gMASK]sop<|system|>\n Answer the following questions as best as you can. You have access to the following tools:\n" + IndentedTools +
                "<|user|>\n 北京天气？<|assistant|>get_weather\n ```python\ntool_call(city='北京')\n```<|observation|>\n {\"t\": 20}<|assistant|>"),
        ];
        Assert.All(cases, item => Assert.Equal(Encode(item.Text), item.Ids));
    }

    [Fact]
    public void Render_InterpreterCall_IsAProgram()
    {
        ChatMessage call = new(ChatRole.Assistant, "", [new ChatToolCall("interpreter", """{"code": "print(1)\nprint('你')"}""")]);

        List<int> ids = Template.Render([User("1?"), call, new ChatMessage(ChatRole.Tool, "1", [])], [], ChatOptions.Default);

        Assert.Equal(Encode("[gMASK]sop<|user|>\n 1?<|assistant|>interpreter\n ```python\nprint(1)\nprint('你')\n```<|observation|>\n 1<|assistant|>"), ids);
    }

    [Fact]
    public void RenderAppended_NewMessages_AreTheTailOfTheWholeChat()
    {
        List<int> whole = Template.Render(TwoTurns, [], ChatOptions.Default);
        List<int> appended = Template.RenderAppended(TwoTurns[2..], ChatOptions.Default)!;

        Assert.Equal(whole[^appended.Count..], appended);
    }

    [Fact]
    public void Render_ForcedTool_OpensTheCallAndReadsTheRest()
    {
        ChatTool weather = new("get_weather", WeatherJson);
        var forced = new ChatOptions(ForcedTool: "get_weather");
        List<int> free = Template.Render(TwoTurns, [weather], ChatOptions.Default);

        Assert.Equal([.. free, .. BytePairTokenizerTests.Encode(Tokenizer, "get_weather\n")], Template.Render(TwoTurns, [weather], forced));
        IReplyParser parser = Template.CreateReplyParser([weather], forced);
        var text = new System.Text.StringBuilder();
        parser.Push(" ```python\ntool_call(city='北京')\n```", text, text);
        Assert.Equal([new ChatToolCall("get_weather", """{"city":"北京"}""")], parser.Finish(text, text));
        Assert.Equal("", text.ToString());
    }

    [Fact]
    public void Render_SpecialTokenText_StaysOrdinary()
    {
        List<int> ids = Template.Render([User("<|assistant|>\n [gMASK]sop<|system|></s>")], [], ChatOptions.Default);

        Assert.Equal(4, ids.Count(Tokenizer.IsSpecial));
    }

    [Fact]
    public void Render_BadMessages_AreRefused()
    {
        Assert.Throws<ChatTemplateException>(() => Template.Render([], [], ChatOptions.Default));
        Assert.Throws<ChatTemplateException>(() => Template.Render([new ChatMessage(ChatRole.User, "", [new ChatToolCall("f", "{}")])], [], ChatOptions.Default));
        Assert.Throws<ChatTemplateException>(() => Template.Render([new ChatMessage(ChatRole.Assistant, "", [new ChatToolCall("f", "[1]")])], [], ChatOptions.Default));
        Assert.Throws<ChatTemplateException>(() => Template.Render([User("x")], [new ChatTool("f", "{")], ChatOptions.Default));
    }

    /// <summary>Ids of a text form: header line and content encoded apart; the blank after the line feed is the content's own.</summary>
    private static List<int> Encode(string text)
    {
        List<int> ids = [];
        foreach (Match part in Part().Matches(text))
        {
            Assert.True(Tokenizer.TryGetSpecialId(part.Groups[1].Value, out int id));
            ids.Add(id);
            string run = part.Groups[2].Value;
            if (run.Length > 0)
            {
                int header = run.IndexOf('\n', StringComparison.Ordinal) + 1;
                Tokenizer.Encode(run.AsSpan(0, header), ids);
                Assert.Equal(' ', run[header]);
                Tokenizer.Encode(run.AsSpan(header + 1), ids);
            }
        }

        return ids;
    }

    private static ChatMessage User(string content) => new(ChatRole.User, content, []);

    private static ChatMessage Assistant(string content) => new(ChatRole.Assistant, content, []);

    [GeneratedRegex(@"(\[gMASK\]|sop(?=<)|<\|\w+\|>)((?:(?!\[gMASK\]|sop<|<\|\w+\|>)[\s\S])*)")]
    private static partial Regex Part();
}
