using System.Text;
using GlmCluster.Checkpoints.Chat;

namespace GlmCluster.Checkpoints.Tests.Chat;

public sealed class ChatGlm3ReplyParserTests
{
    /// <summary>Stands for the token in the replies below.</summary>
    private const char Assistant = '§';

    private static readonly ChatTool[] Tools = [new("get_weather", "{}"), new("get", "{}")];

    private static readonly ChatTool Interpreter = new("interpreter", """{"name": "interpreter", "parameters": {"properties": {"program": {"type": "string"}}}}""");

    [Theory]
    [InlineData("\n 你好！ ", "你好！")]
    [InlineData("你好", "你好")]
    [InlineData("", "")]
    [InlineData(" \n", "")]
    [InlineData("get_weather", "get_weather")]
    [InlineData("get_weather\n ```python\ntool_call(city=", "get_weather\n ```python\ntool_call(city=")]
    [InlineData("get_weather\n ```python\nos.system('x')\n```", "get_weather\n ```python\nos.system('x')\n```")]
    [InlineData("interpreter\n ```python\nprint(1)\n```", "interpreter\n ```python\nprint(1)\n```")]
    [InlineData("get weather\n x", "get weather\n x")]
    [InlineData("\n 现在是[[训练时间]]。", "现在是2023年。")]
    [InlineData("\n a §\n b", "a\nb")]
    [InlineData("§\n b", "b")]
    public void Finish_NoCall_LosesNothing(string reply, string content) => AssertSplits(reply, content, []);

    [Theory]
    [InlineData("get_weather\n ```python\ntool_call(city='北京')\n```", "", "get_weather {\"city\":\"北京\"}")]
    [InlineData(" get \n```python\ntool_call()\n```\n", "", "get {}")]
    [InlineData("\n 我来查。§get_weather\n ```python\ntool_call(city='北京', days=2)\n```", "我来查。", "get_weather {\"city\":\"北京\",\"days\":2}")]
    [InlineData("get\n```python\ntool_call(a=1)\n```§get\n```python\ntool_call(a=2)\n```", "", "get {\"a\":1}", "get {\"a\":2}")]
    public void Finish_Calls_GivesNamesAndArguments(string reply, string content, params string[] calls) => AssertSplits(reply, content, calls);

    [Theory]
    [InlineData("interpreter\n ```python\nprint('你')\n\nx = 1\n```", "", "interpreter {\"program\":\"print('你')\\n\\nx = 1\"}")]
    [InlineData("\n Let me see.§interpreter\n ```python\nprint(1)\n```", "Let me see.", "interpreter {\"program\":\"print(1)\"}")]
    [InlineData("interpreter\n ```python\nprint(1)", "interpreter\n ```python\nprint(1)")]
    [InlineData("get\n ```python\nprint(1)\n```", "get\n ```python\nprint(1)\n```")]
    public void Finish_InterpreterDeclared_GivesItsProgram(string reply, string content, params string[] calls) =>
        AssertSplits(reply, content, calls, [.. Tools, Interpreter]);

    [Fact]
    public void Push_RandomReplies_DoNotDependOnTheSplitAndLoseNothing()
    {
        string[] parts = ["get", "_weather", "get_weather", "interpreter", "\n", " ", "§", "```", "```python\n", "tool_call(", "a=1", ")", "\n```", "[[训练时间]]", "[[", "你", "x"];
        var random = new Random(33);
        for (int round = 0; round < 3000; round++)
        {
            string reply = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => parts[random.Next(parts.Length)]));
            (string content, string[] calls) = Parse(reply, reply.Length + 1, [.. Tools, Interpreter]);
            AssertSplits(reply, content, calls, [.. Tools, Interpreter]);
            if (calls.Length == 0)
            {
                Assert.Equal(Bare(reply), Bare(content));
            }
        }
    }

    [Theory]
    [InlineData("tool_call(a=\"it's\", b='say \"x\"', c='\\'\\n\\u4f60\\x41')", """{"a":"it's","b":"say \"x\"","c":"'\n你A"}""")]
    [InlineData("tool_call(a=[1, -2.5, True, None, (1,)], b={'k': {}}, c=1e3,)", """{"a":[1,-2.5,true,null,[1]],"b":{"k":{}},"c":1000}""")]
    [InlineData("tool_call(a='''x\ny''')", """{"a":"x\ny"}""")]
    public void TryRead_Literals_BecomeJson(string call, string json)
    {
        Assert.True(PythonCall.TryRead($"```python\n{call}\n```", out string arguments));
        Assert.Equal(json, arguments);
    }

    [Theory]
    [InlineData("tool_call(a=1")]
    [InlineData("tool_call(1)")]
    [InlineData("tool_call(a=b)")]
    [InlineData("tool_call(a=1, a=2)")]
    [InlineData("tool_call(a='x)")]
    [InlineData("tool_call(a=1) + 2")]
    [InlineData("tool_call(a={1: 2})")]
    [InlineData("tool_call(a=1e999)")]
    [InlineData("tool_call(a='\\ud800')")]
    [InlineData("tool_call(a 1)")]
    [InlineData("print(a=1)")]
    public void TryRead_OtherPython_IsRefused(string call) => Assert.False(PythonCall.TryRead($"```python\n{call}\n```", out _));

    [Fact]
    public void TryRead_DeeplyNested_IsRefused() =>
        Assert.False(PythonCall.TryRead($"```python\ntool_call(a={new string('[', 100_000)})\n```", out _));

    [Fact]
    public void TryRead_RandomCalls_AreReadOrRefused()
    {
        var random = new Random(32);
        for (int round = 0; round < 5000; round++)
        {
            string call = "tool_call(" + string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => "ab=,'\"\\nu[](){}:1.-e_ \n"[random.Next(23)])) + ")";
            if (PythonCall.TryRead($"```\n{call}\n```", out string json))
            {
                System.Text.Json.JsonDocument.Parse(json).Dispose();
            }
        }
    }

    [Theory]
    [InlineData("""{"a": "it's \"x\"\n", "b": [1, 2.5, true, null], "c": {"k": "v"}}""")]
    [InlineData("{}")]
    public void Write_Arguments_AreReadBack(string json)
    {
        Assert.True(PythonCall.TryRead($"```python\n{PythonCall.Write(json)}\n```", out string read));
        Assert.True(System.Text.Json.Nodes.JsonNode.DeepEquals(
            System.Text.Json.Nodes.JsonNode.Parse(json), System.Text.Json.Nodes.JsonNode.Parse(read)));
    }

    /// <summary>Without white space and what the model's own code replaces.</summary>
    private static string Bare(string text) =>
        string.Concat(text.Replace("[[训练时间]]", "2023年", StringComparison.Ordinal).Where(c => !char.IsWhiteSpace(c) && c != Assistant));

    private static void AssertSplits(string reply, string content, string[] calls) => AssertSplits(reply, content, calls, Tools);

    private static void AssertSplits(string reply, string content, string[] calls, ChatTool[] tools)
    {
        foreach (int size in (int[])[1, 2, 3, 1000])
        {
            (string text, string[] found) = Parse(reply, size, tools);
            Assert.Equal(content, text);
            Assert.Equal(calls, found);
        }
    }

    private static (string Content, string[] Calls) Parse(string reply, int size, ChatTool[] tools)
    {
        var parser = new ChatGlm3ReplyParser(tools, assistantId: 7);
        var text = new StringBuilder();
        foreach (string part in reply.Split(Assistant).SelectMany((part, i) => i == 0 ? [part] : new[] { $"{Assistant}", part }))
        {
            if (part == $"{Assistant}")
            {
                parser.PushSpecial(7, text, text);
                parser.PushSpecial(8, text, text); // of no meaning here
            }

            foreach (char[] characters in part == $"{Assistant}" ? [] : part.Chunk(size))
            {
                parser.Push(characters, text, text);
            }
        }

        IReadOnlyList<ChatToolCall> found = parser.Finish(text, text);
        return (text.ToString(), [.. found.Select(call => $"{call.Name} {call.ArgumentsJson}")]);
    }
}
