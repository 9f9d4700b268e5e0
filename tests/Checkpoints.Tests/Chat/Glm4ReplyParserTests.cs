using System.Text;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Tests.Text;
using GlmCluster.Checkpoints.Tests.Tokenization;

namespace GlmCluster.Checkpoints.Tests.Chat;

public sealed class Glm4ReplyParserTests
{
    private static readonly string[] Tools = ["get_weather", "get", "info_home"];

    [Fact]
    public void Finish_DemoModelsAnswers_AreDecodedAndUnderstood()
    {
        Assert.Equal(75, NanoReference.All.Length);
        foreach (NanoReference reference in NanoReference.All)
        {
            Assert.Equal(reference.Text, BytePairTokenizerTests.Decode(TestModels.Nano.Tokenizer, reference.GreedyIds));
            string[] tools = [.. reference.Tools.Select(tool => tool.Name)];
            (string content, ChatToolCall? call) = Parse(reference.Text, tools, [reference.Text.Length]);
            bool isCall = TestModels.Nano.Tokenizer.TryGetSpecialId("<|observation|>", out int stop) && reference.GreedyIds[^1] == stop
                && tools.Contains(reference.Text.Split('\n')[0]);

            Assert.Equal(isCall, call is not null);
            string header = reference.Text.StartsWith('\n') ? "\n" : ""; // one answer calls a tool that is not declared, so it is text
            Assert.Equal(reference.Text, call is null ? header + content : $"{call.Name}\n{call.ArgumentsJson}");
        }
    }

    [Theory]
    [InlineData("\n你好", "你好")]
    [InlineData("\n\n你好", "\n你好")]
    [InlineData("你好", "你好")]
    [InlineData("", "")]
    [InlineData("\n", "")]
    [InlineData("get_weather", "get_weather")]
    [InlineData("get_weather\n", "get_weather\n")]
    [InlineData("get_weather\n{\"city\": ", "get_weather\n{\"city\": ")]
    [InlineData("get_weather\n{\"city\": 1} and more", "get_weather\n{\"city\": 1} and more")]
    [InlineData("get_weather\n[1]", "get_weather\n[1]")]
    [InlineData("get_weather\nis a tool", "get_weather\nis a tool")]
    [InlineData("get_weather is\n{}", "get_weather is\n{}")]
    [InlineData("get weather\n{}", "get weather\n{}")]
    [InlineData("get_\n{}", "get_\n{}")]
    [InlineData("other\n{}", "other\n{}")]
    [InlineData("\nget_weather\n{}", "get_weather\n{}")] // the header is complete, so no name can follow
    [InlineData("  \n  x", "  \n  x")]
    public void Finish_NoCall_LosesNothing(string reply, string content) => AssertSplits(reply, content, null);

    [Theory]
    [InlineData("get_weather\n{\"city\": \"北京\"}", "get_weather", "{\"city\": \"北京\"}")]
    [InlineData("get\n{}", "get", "{}")]
    [InlineData(" get \r\n \n {\"a\": {\"b\": [1]}} \n", "get", "{\"a\": {\"b\": [1]}}")]
    public void Finish_Call_GivesNameAndArguments(string reply, string name, string arguments) =>
        AssertSplits(reply, "", new ChatToolCall(name, arguments));

    [Fact]
    public void Push_RandomReplies_DoNotDependOnTheSplit()
    {
        var random = new Random(8);
        string[] parts = ["get", "_weather", "get_weather", "\n", " ", "{", "}", "{}", "\"a\"", ":", "1", "你", "info_home", "\r", "{\"a\": 1}"];
        for (int round = 0; round < 3000; round++)
        {
            string reply = string.Concat(Enumerable.Range(0, random.Next(8)).Select(_ => parts[random.Next(parts.Length)]));
            (string content, ChatToolCall? call) = Parse(reply, Tools, [reply.Length]);
            AssertSplits(reply, content, call);
        }
    }

    [Fact]
    public void Push_TextThatCannotBeACall_IsShownAtOnce()
    {
        var content = new StringBuilder();
        var parser = new Glm4ReplyParser(Tools, startsInHeader: true);

        parser.Push("g", content, new StringBuilder());
        Assert.Equal("", content.ToString());
        parser.Push("o", content, new StringBuilder());
        Assert.Equal("go", content.ToString());

        var second = new Glm4ReplyParser(Tools, startsInHeader: true);
        second.Push("\n你", content, new StringBuilder());
        Assert.Equal("go你", content.ToString());
    }

    [Fact]
    public void Push_PromptHasCompletedTheHeader_IsAllText()
    {
        var content = new StringBuilder();
        var parser = new Glm4ReplyParser(Tools, startsInHeader: false);

        parser.Push("\nget\n{}", content, new StringBuilder());

        Assert.Empty(parser.Finish(content, new StringBuilder()));
        Assert.Equal("\nget\n{}", content.ToString());
    }

    /// <summary>Parses with every single cut, with every character alone, and as a whole.</summary>
    private static void AssertSplits(string reply, string content, ChatToolCall? call)
    {
        for (int cut = 0; cut <= reply.Length; cut++)
        {
            Assert.Equal((content, call), Parse(reply, Tools, [cut, reply.Length]));
        }

        Assert.Equal((content, call), Parse(reply, Tools, [.. Enumerable.Range(1, reply.Length)]));
    }

    private static (string Content, ChatToolCall? Call) Parse(string reply, string[] tools, int[] cuts)
    {
        var content = new StringBuilder();
        var parser = new Glm4ReplyParser(tools, startsInHeader: true);
        int start = 0;
        foreach (int cut in cuts)
        {
            parser.Push(reply.AsSpan(start, cut - start), content, new StringBuilder());
            start = cut;
        }

        ChatToolCall? call = parser.Finish(content, new StringBuilder()).SingleOrDefault();
        return (content.ToString(), call);
    }
}
