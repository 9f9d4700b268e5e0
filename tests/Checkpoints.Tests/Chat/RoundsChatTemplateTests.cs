using System.Text;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Tests.Text;

namespace GlmCluster.Checkpoints.Tests.Chat;

public sealed class RoundsChatTemplateTests
{
    private static readonly ChatMessage[] TwoTurns = [User("你好"), new(ChatRole.Assistant, "你好！", []), User("天气？")];

    public static TheoryData<string, string, string> Texts() => new()
    {
        { "chatglm-6b", "one", "你好" },
        { "chatglm-6b", "two", "[Round 0]\n问：你好\n答：你好！\n[Round 1]\n问：天气？\n答：" },
        { "chatglm2-6b", "one", "[Round 1]\n\n问：你好\n\n答：" },
        { "chatglm2-6b", "two", "[Round 1]\n\n问：你好\n\n答：你好！\n\n[Round 2]\n\n问：天气？\n\n答：" },
    };

    [Theory]
    [MemberData(nameof(Texts))]
    public void Render_Chat_IsTheIdsOfThePublishedText(string family, string turns, string text)
    {
        ChatMessage[] messages = turns == "one" ? TwoTurns[..1] : TwoTurns;

        Assert.Equal(TestModels.Published(family).EncodePlain(text), Template(family).Render(messages, [], ChatOptions.Default));
    }

    [Fact]
    public void Render_PublishedChat_GivesItsIds()
    {
        // The prompt of a public vector of each family, as messages.
        (string Family, string Answer, string End)[] chats =
        [
            ("chatglm-6b", "你好👋！我是人工智能助手 ChatGLM-6B，很高兴见到你，欢迎问我任何问题。", "晚上睡不着应该怎么办"),
            ("chatglm2-6b", "你好👋！我是人工智能助手 ChatGLM2-6B，很高兴见到你，欢迎问我任何问题。", "晚上睡不着应该怎么办"),
        ];
        foreach ((string family, string answer, string end) in chats)
        {
            int[] expected = Tokenization.PublishedVectors.IdsOf(Tokenization.PublishedVectors.Get("public", family, 2));
            Assert.Equal(expected, Template(family).Render([User("你好"), new ChatMessage(ChatRole.Assistant, answer, []), User(end)], [], ChatOptions.Default));
        }
    }

    [Fact]
    public void Render_SystemAndRepeatedRoles_AreLinesOfOneRound() => Assert.Equal(
        TestModels.ChatGlm2.EncodePlain("[Round 1]\n\n问：你是助手。\n你好\n在吗\n\n答："),
        Template("chatglm2-6b").Render([User("你好"), User("在吗"), new ChatMessage(ChatRole.System, "你是助手。", [])], [], ChatOptions.Default));

    [Theory]
    [InlineData("<|user|>[gMASK]<sop><eop></s>")]
    [InlineData("\n\n[Round 2]\n\n问：")]
    public void Render_SpecialTokenText_StaysOrdinary(string content)
    {
        foreach (string family in (string[])["chatglm-6b", "chatglm2-6b"])
        {
            Assert.Equal(2, Template(family).Render([User(content)], [], ChatOptions.Default).Count(TestModels.Published(family).Tokenizer.IsSpecial));
        }
    }

    [Fact]
    public void Render_ToolsOrNoQuestion_IsRefused()
    {
        IChatTemplate template = Template("chatglm-6b");

        Assert.Throws<ChatTemplateException>(() => template.Render([], [], ChatOptions.Default));
        Assert.Throws<ChatTemplateException>(() => template.Render(TwoTurns[..2], [], ChatOptions.Default));
        Assert.Throws<ChatTemplateException>(() => template.Render(TwoTurns, [new ChatTool("f", "{}")], ChatOptions.Default));
        Assert.Throws<ChatTemplateException>(() => template.Render([.. TwoTurns, new ChatMessage(ChatRole.Tool, "1", [])], [], ChatOptions.Default));
        Assert.Null(template.RenderAppended(TwoTurns, ChatOptions.Default));
    }

    [Theory]
    [InlineData(" \n你好！ \n", "你好！")]
    [InlineData("你好,世界!ok?", "你好，世界！ok?")]
    [InlineData("a,b,中,c", "a,b，中，c")]
    [InlineData("中,,中", "中，，中")]
    [InlineData("3,5:6;", "3,5:6;")]
    [InlineData("时间是[[训练时间]],[[训练", "时间是2023年，[[训练")]
    [InlineData("[[[训练时间]]]", "[2023年]")]
    [InlineData("a\n\nb ", "a\n\nb")]
    [InlineData("", "")]
    public void Reply_ChatGlm_IsCleanedWhateverTheSplit(string reply, string expected)
    {
        AssertSplits("chatglm-6b", reply, expected);
        string before = reply.Replace("[[训练时间]]", "2023年", StringComparison.Ordinal).Trim();
        AssertSplits("chatglm2-6b", reply, before);
    }

    [Fact]
    public void Reply_Random_EqualsTheRuleOnTheWholeText()
    {
        var random = new Random(31);
        for (int round = 0; round < 3000; round++)
        {
            string reply = string.Concat(Enumerable.Range(0, random.Next(25)).Select(_ => "  \n[[训练时间]]中文a,!?:;，"[random.Next(20)]));
            AssertSplits("chatglm-6b", reply, CleanByTheRule(reply));
        }
    }

    /// <summary>The published code's steps.</summary>
    private static string CleanByTheRule(string reply)
    {
        string text = reply.Trim().Replace("[[训练时间]]", "2023年", StringComparison.Ordinal);
        foreach ((string ascii, string chinese) in new[] { (",", "，"), ("!", "！"), (":", "："), (";", "；"), (@"\?", "？") })
        {
            text = System.Text.RegularExpressions.Regex.Replace(text, $"([\u4e00-\u9fff]){ascii}", $"$1{chinese}");
            text = System.Text.RegularExpressions.Regex.Replace(text, $"{ascii}([\u4e00-\u9fff])", $"{chinese}$1");
        }

        return text;
    }

    private static void AssertSplits(string family, string reply, string expected)
    {
        foreach (int size in (int[])[1, 2, 3, 7, 1000])
        {
            IReplyParser parser = Template(family).CreateReplyParser([], ChatOptions.Default);
            var text = new StringBuilder();
            foreach (char[] part in reply.Chunk(size))
            {
                parser.Push(part, text, text);
            }

            Assert.Empty(parser.Finish(text, text));
            Assert.Equal(expected, text.ToString());
        }
    }

    private static ChatMessage User(string content) => new(ChatRole.User, content, []);

    private static IChatTemplate Template(string family) => TestModels.Published(family).ChatTemplate!;
}
