using GlmCluster.Bench;
using GlmCluster.Bench.Http;
using GlmCluster.Cli.Tests.Chat;
using Microsoft.AspNetCore.Http;

namespace GlmCluster.Cli.Tests.Benchmarks;

public sealed class HttpLoadTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task RunAsync_WithoutUsage_CountsPiecesOfContent()
    {
        await using ScriptedServer server = await ScriptedServer.StartAsync((n, context) => ScriptedServer.SendAnswerAsync(context, $"a{n}", "one", "two", "three"));

        HttpRun run = await RunAsync(server, messages: 5, concurrency: 2);

        Assert.Equal(15, run.Tokens);
        Assert.Equal(5, run.Firsts.Count);
        Assert.Equal(10, run.Gaps.Count);
        Assert.Equal(5, server.Questions.Count);
        Assert.All(server.Questions, question => Assert.Equal("scripted", (string?)question["model"]));
    }

    [Fact]
    public async Task RunAsync_WithUsage_BelievesIt()
    {
        await using ScriptedServer server = await ScriptedServer.StartAsync(async (_, context) =>
        {
            await ScriptedServer.SendAsync(context, ScriptedServer.Chunk("a", "two tokens"));
            await ScriptedServer.SendAsync(context, """{"choices":[],"usage":{"prompt_tokens": 7,"completion_tokens": 2}}""");
            await ScriptedServer.SendAsync(context, "[DONE]");
        });

        HttpRun run = await RunAsync(server, messages: 3, concurrency: 3);

        Assert.Equal((6, 21), (run.Tokens, run.PromptTokens));
    }

    [Fact]
    public async Task RunAsync_StreamWithoutItsEnd_Fails()
    {
        await using ScriptedServer server = await ScriptedServer.StartAsync((_, context) => ScriptedServer.SendAsync(context, ScriptedServer.Chunk("a", "one")));

        BenchException fault = await Assert.ThrowsAsync<BenchException>(() => RunAsync(server, messages: 1, concurrency: 1));

        Assert.Contains("no [DONE]", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_ConnectionCutInTheMiddle_Fails()
    {
        await using ScriptedServer server = await ScriptedServer.StartAsync(async (_, context) =>
        {
            await ScriptedServer.SendAsync(context, ScriptedServer.Chunk("a", "one"));
            context.Abort();
        });

        await Assert.ThrowsAsync<BenchException>(() => RunAsync(server, messages: 1, concurrency: 1));
    }

    [Fact]
    public async Task RunAsync_Refused_NamesStatusAndReason()
    {
        await using ScriptedServer server = await ScriptedServer.StartAsync((_, context) =>
        {
            context.Response.StatusCode = StatusCodes.Status429TooManyRequests;
            return context.Response.WriteAsync("too many");
        });

        BenchException fault = await Assert.ThrowsAsync<BenchException>(() => RunAsync(server, messages: 1, concurrency: 1));

        Assert.Contains("429: too many", fault.Message, StringComparison.Ordinal);
    }

    private static async Task<HttpRun> RunAsync(ScriptedServer server, int messages, int concurrency)
    {
        var target = new ChatServer(server.Url, "scripted", IgnoresEnd: true);
        return await new HttpLoad(target).RunAsync(BenchPrompts.Messages(messages), concurrency, maxTokens: 8, Cancellation);
    }
}
