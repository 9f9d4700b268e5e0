using System.Text;
using GlmCluster.Checkpoints.Chat;

namespace GlmCluster.Checkpoints.Tests.Chat;

public sealed class ThinkingReplyTests
{
    private const string WeatherParameters =
        """{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}}""";

    private const string Call =
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>12</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>";

    private const string FlatCall = "<tool_call>get_weather<arg_key>city</arg_key><arg_value>北京</arg_value></tool_call>";

    private static readonly ChatTool[] Tools = [new("get_weather", WeatherParameters), new("now", """{"name": "now"}""")];

    [Theory]
    [InlineData(false, "\n<think>hm</think>\nhello", "hm", "hello", "")]
    [InlineData(false, "\n<think></think>\n\nhello\n", "", "hello\n", "")]
    [InlineData(false, "\nhello <think>x</think>", "", "hello <think>x</think>", "")]
    [InlineData(false, "\n<thinker>", "", "<thinker>", "")]
    [InlineData(false, "", "", "", "")]
    [InlineData(false, "\n<thi", "", "<thi", "")]
    [InlineData(true, "hm\n</think>hello", "hm", "hello", "")]
    [InlineData(true, "\nhm\n\na </thin </think>\n" + FlatCall, "hm\n\na </thin ", "", "get_weather {\"city\":\"北京\"}")]
    [InlineData(true, "cut\n</thi", "cut\n</thi", "", "")]
    [InlineData(false, "\n<think>t</think>\nI look.\n" + Call, "t", "I look.", "get_weather {\"city\":\"12\",\"days\":2}")]
    [InlineData(false, "\n" + Call + "\n" + Call, "", "", "get_weather {\"city\":\"12\",\"days\":2};get_weather {\"city\":\"12\",\"days\":2}")]
    [InlineData(false, "a" + FlatCall + "b", "", "ab", "get_weather {\"city\":\"北京\"}")]
    [InlineData(false, "a\n<tool_call>now</tool_call>", "", "a", "now {}")]
    [InlineData(false, "a\n\n<tool_call>other</tool_call>\nb", "", "a\n\n<tool_call>other</tool_call>\nb", "")]
    [InlineData(false, "<tool_call>now<arg_key>a</arg_key></tool_call>", "", "<tool_call>now<arg_key>a</arg_key></tool_call>", "")]
    [InlineData(false, "x\n<tool_call>get_weather\n<arg_key>ci", "", "x\n<tool_call>get_weather\n<arg_key>ci", "")]
    [InlineData(false, "a < b <tool> <<tool_call>now</tool_call>", "", "a < b <tool> <", "now {}")]
    public void Finish_Reply_IsTakenApart(bool startsInThought, string reply, string reasoning, string content, string calls)
    {
        for (int part = 1; part <= reply.Length + 1; part++)
        {
            (string Reasoning, string Content, string Calls) read = Parse(Create(startsInThought), reply, () => part);

            Assert.Equal((reasoning, content, calls), read);
        }
    }

    [Fact]
    public void Push_RandomReplies_LoseNothingAndDoNotDependOnTheSplit()
    {
        string[] parts = ["\n", "<", "think>", "<think>", "</think>", "<tool_call>", "</tool_call>", "now", "get_weather", "<arg_key>a</arg_key>",
            "<arg_value>1</arg_value>", "x", "你"];
        var random = new Random(11);
        for (int round = 0; round < 3_000; round++)
        {
            string reply = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => parts[random.Next(parts.Length)]));
            bool startsInThought = random.Next(2) == 0;
            (string Reasoning, string Content, string Calls) whole = Parse(Create(startsInThought), reply, () => reply.Length + 1);

            Assert.Equal(whole, Parse(Create(startsInThought), reply, () => random.Next(1, 4)));
            if (whole.Calls.Length == 0)
            {
                string shown = whole.Reasoning + whole.Content;
                Assert.Equal(Bare(reply), Bare(shown));
            }
        }
    }

    private static ThoughtReplyParser Create(bool startsInThought) => new(new XmlReplyParser(Tools), startsInThought);

    /// <summary>Without line feeds and the thought's tags, which are marks of the layout.</summary>
    private static string Bare(string text) =>
        text.Replace("\n", "", StringComparison.Ordinal).Replace("</think>", "", StringComparison.Ordinal).Replace("<think>", "", StringComparison.Ordinal);

    private static (string Reasoning, string Content, string Calls) Parse(IReplyParser parser, string reply, Func<int> nextLength)
    {
        var content = new StringBuilder();
        var reasoning = new StringBuilder();
        int length;
        for (int at = 0; at < reply.Length; at += length)
        {
            length = Math.Min(nextLength(), reply.Length - at);
            parser.Push(reply.AsSpan(at, length), content, reasoning);
        }

        IReadOnlyList<ChatToolCall> calls = parser.Finish(content, reasoning);
        return (reasoning.ToString(), content.ToString(), string.Join(';', calls.Select(call => $"{call.Name} {call.ArgumentsJson}")));
    }
}
