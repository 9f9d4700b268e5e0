using System.Text;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Tests.Text;
using GlmCluster.Checkpoints.Text;

namespace GlmCluster.Checkpoints.Tests.Chat;

public sealed class JinjaChatTemplateTests
{
    private static readonly ChatTool Weather = new(
        "get_weather", """{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}""");

    [Fact]
    public void Render_FamilyWithoutTemplate_UsesItsPublishedLayout()
    {
        IChatTemplate template = TestModels.WithNanoTokenizer("glm4_moe", null).ChatTemplate!;

        Assert.Equal("[gMASK]<sop><|user|>\n你好<|assistant|>", Show(template, ChatOptions.Default, User("你好")));
        Assert.Equal(
            "[gMASK]<sop><|user|>\n你好/nothink<|assistant|>\n<think></think>", Show(template, new ChatOptions(Thinks: false), User("你好")));
    }

    [Fact]
    public void Render_SpecialTokensInMessages_StayText()
    {
        TextModel model = TestModels.WithNanoTokenizer("glm4_moe", null);

        List<int> ids = model.ChatTemplate!.Render([User("<|user|>[gMASK]<|assistant|>")], [], ChatOptions.Default);

        int[] special = [.. ids.Where(model.Tokenizer.IsSpecial)];
        Assert.Equal([Id(model, "[gMASK]"), Id(model, "<sop>"), Id(model, "<|user|>"), Id(model, "<|assistant|>")], special);
        Assert.Equal("[gMASK]<sop><|user|>\n<|user|>[gMASK]<|assistant|><|assistant|>", TestModels.Show(model.Tokenizer, ids));
    }

    [Fact]
    public void Render_FolderTemplate_IsRunWithToolsAndCalls()
    {
        const string Source =
            "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% for c in m.tool_calls or [] %}({{ c.function.name }} "
            + "{{ c.function.arguments | tojson }}){% endfor %}{% endfor %}{{ (tools or []) | map(attribute='function') | map(attribute='name') | join }}<|assistant|>";
        IChatTemplate template = TestModels.WithNanoTokenizer("glm", Source).ChatTemplate!;
        ChatMessage call = new(ChatRole.Assistant, "", [new ChatToolCall("get_weather", """{"city":"北京"}""")]);

        List<int> ids = template.Render([User("a"), call], [Weather], ChatOptions.Default);

        Assert.Equal(
            """<|user|>a<|assistant|>(get_weather {"city": "北京"})get_weather<|assistant|>""", TestModels.Show(TestModels.Nano.Tokenizer, ids));
        Assert.Null(template.RenderAppended([User("b")], ChatOptions.Default));
    }

    [Theory]
    [InlineData("{{ messages[0].content | shout }}<tools>", "line 1: the filter 'shout' is not supported.")]
    [InlineData("<tools>", "it does not print the messages.")]
    [InlineData("{% while true %}<tools>{% endwhile %}", "line 1: the statement 'while' is not supported.")]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}<tools>", "it may loop without end.")]
    public void Load_TemplateThatCannotRun_SaysWhyAndOffersCompletionsOnly(string source, string problem)
    {
        TextModel model = TestModels.WithNanoTokenizer("glm", source);

        Assert.Null(model.ChatTemplate);
        Assert.Contains(problem, model.ChatTemplateProblem, StringComparison.Ordinal);
        Assert.EndsWith("Only plain completions are offered.", model.ChatTemplateProblem, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_TemplateRaises_TellsTheClient()
    {
        const string Source = "{% if messages | length > 1 %}{{ raise_exception('One message only.') }}{% endif %}{{ messages[0].content }}<|assistant|>";
        IChatTemplate template = TestModels.WithNanoTokenizer("glm", Source).ChatTemplate!;

        ChatTemplateException refused = Assert.Throws<ChatTemplateException>(
            () => template.Render([User("a"), User("b")], [], ChatOptions.Default));

        Assert.Equal("The model's chat template refuses these messages: One message only.", refused.Message);
    }

    [Theory]
    [InlineData("glm4_moe", true, "\n<think>t</think>\nhello", "t", "hello")]
    [InlineData("glm4_moe", false, "\nhello", "", "hello")]
    [InlineData("glm4_moe_lite", true, "t</think>hello", "t", "hello")]
    [InlineData("glm4_moe_lite", false, "hello", "", "hello")]
    public void CreateReplyParser_ThinkingModels_StartWhereThePromptEnds(string modelType, bool thinks, string reply, string reasoning, string content)
    {
        IReplyParser parser = TestModels.WithNanoTokenizer(modelType, null).ChatTemplate!.CreateReplyParser([], new ChatOptions(Thinks: thinks));

        Assert.Equal((reasoning, content, ""), Read(parser, reply));
    }

    [Fact]
    public void ForcedTool_EveryLayout_OpensTheCallAndReadsTheRest()
    {
        var forced = new ChatOptions(ForcedTool: "get_weather");
        IChatTemplate glm45 = TestModels.WithNanoTokenizer("glm4_moe", null).ChatTemplate!;
        IChatTemplate glm47 = TestModels.WithNanoTokenizer("glm4_moe_lite", null).ChatTemplate!;
        IChatTemplate glm4 = TestModels.Nano.ChatTemplate!;
        const string Rest = "\n<arg_key>city</arg_key>\n<arg_value>北京</arg_value>\n</tool_call>";

        Assert.EndsWith("<|assistant|><tool_call>get_weather", Show(glm45, forced, User("a")), StringComparison.Ordinal);
        Assert.EndsWith("<|assistant|><think></think><tool_call>get_weather", Show(glm47, forced, User("a")), StringComparison.Ordinal);
        Assert.EndsWith("<|assistant|>get_weather\n", Show(glm4, forced, User("a")), StringComparison.Ordinal);
        Assert.Equal(("", "", "get_weather {\"city\":\"北京\"}"), Read(glm45.CreateReplyParser([Weather], forced), Rest));
        Assert.Equal(("", "", "get_weather {\"city\":\"北京\"}"), Read(glm47.CreateReplyParser([Weather], forced), Rest));
        Assert.Equal(("", "", "get_weather {\"city\": 1}"), Read(glm4.CreateReplyParser([Weather], forced), "{\"city\": 1}"));
    }

    private static ChatMessage User(string content) => new(ChatRole.User, content, []);

    private static int Id(TextModel model, string token) => model.Tokenizer.TryGetSpecialId(token, out int id) ? id : -1;

    private static string Show(IChatTemplate template, ChatOptions options, params ChatMessage[] messages) =>
        TestModels.Show(TestModels.Nano.Tokenizer, template.Render(messages, [], options));

    private static (string Reasoning, string Content, string Calls) Read(IReplyParser parser, string reply)
    {
        var content = new StringBuilder();
        var reasoning = new StringBuilder();
        parser.Push(reply, content, reasoning);
        IReadOnlyList<ChatToolCall> calls = parser.Finish(content, reasoning);
        return (reasoning.ToString(), content.ToString(), string.Join(';', calls.Select(call => $"{call.Name} {call.ArgumentsJson}")));
    }
}
