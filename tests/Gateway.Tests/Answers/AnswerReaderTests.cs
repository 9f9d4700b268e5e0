using System.Collections.Immutable;
using System.Text;
using GlmCluster.Gateway.Answers;
using GlmCluster.Gateway.Tests.Hosting;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Tests.Answers;

public sealed class AnswerReaderTests
{
    private const EndReason Stopped = EndReason.Stop;

    [Fact]
    public void Push_CharacterOverSeveralTokens_ComesOutWhole()
    {
        List<int> ids = Nano.Encode("🙂");
        Assert.True(ids.Count > 1, "The tokenizer knows this character; take a rarer one.");
        AnswerReader reader = AnswerReader.ForText(Nano.Text, []);

        string[] parts = [.. ids.Select(id => new string(reader.Push(id)))];

        Assert.All(parts[..^1], part => Assert.Empty(part));
        Assert.Equal("🙂", parts[^1]);
    }

    [Fact]
    public void Finish_IncompleteCharacter_BecomesReplacement()
    {
        AnswerReader reader = AnswerReader.ForText(Nano.Text, []);
        Assert.Equal("", new string(reader.Push(Nano.Encode("🙂")[0])));

        Assert.Equal("\uFFFD", reader.Finish(Stopped).Text);
    }

    [Fact]
    public void Push_BeginOfStopString_IsHeldUntilItIsDecided()
    {
        AnswerReader reader = AnswerReader.ForText(Nano.Text, ["ab!"]);

        Assert.Equal("x", Push(reader, "x"));
        Assert.Equal("", Push(reader, "a"));
        Assert.Equal("", Push(reader, "b"));
        Assert.Equal("abc", Push(reader, "c"));
        Assert.Equal("", Push(reader, "ab"));
        Assert.Equal("ab", reader.Finish(Stopped).Text);
    }

    [Fact]
    public void Push_StopString_HidesItAndAllThatFollows()
    {
        AnswerReader reader = AnswerReader.ForText(Nano.Text, ["STOP"]);

        Assert.Equal("one ", Push(reader, "one STOP two"));
        Assert.Equal("", Push(reader, " three"));
        Assert.Equal("", reader.Finish(Stopped).Text);
    }

    [Fact]
    public void Push_StopStringIsLineFeed_TheHeadersOwnDoesNotCount()
    {
        AnswerReader reader = AnswerReader.ForChat(Nano.Text, GenerationId.New(), 0, [], null, ["\n"]);

        Assert.Equal("first", Push(reader, "\nfirst\nsecond"));
    }

    [Fact]
    public void Finish_ToolCall_IsNamedAfterTheGeneration()
    {
        GenerationId id = GenerationId.New();
        AnswerReader reader = AnswerReader.ForChat(Nano.Text, id, 0, [new ToolDeclaration("f", "{}")], null, []);

        Assert.Equal("", Push(reader, "f\n{\"a\": 1}"));

        Answer tail = reader.Finish(Stopped);
        Assert.Equal([new ToolCall($"call_{id}_0", "f", "{\"a\": 1}")], tail.ToolCalls);
        Assert.Equal("", tail.Text);
    }

    [Fact]
    public void Finish_UndeclaredTool_IsText()
    {
        AnswerReader reader = AnswerReader.ForChat(Nano.Text, GenerationId.New(), 0, [], null, []);

        string text = Push(reader, "f\n{\"a\": 1}");

        Assert.Equal("f\n{\"a\": 1}", text + reader.Finish(Stopped).Text);
    }

    [Fact]
    public void Push_Warm_AllocatesNothing()
    {
        ImmutableArray<int> ids = Nano.Reply("从前，小红住在兰州。Once upon a time, Emma lived in Cairo.");
        AnswerReader reader = AnswerReader.ForChat(Nano.Text, GenerationId.New(), 0, [], null, ["never seen"]);
        Warm();
        Warm();

        long before = GC.GetAllocatedBytesForCurrentThread();
        Warm();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Warm()
        {
            foreach (int id in ids)
            {
                reader.Push(id);
            }
        }
    }

    private static string Push(AnswerReader reader, string text)
    {
        var visible = new StringBuilder();
        reader.PushAll(Nano.Encode(text).ToArray(), visible, new StringBuilder());
        return visible.ToString();
    }
}
