using System.Net;
using System.Text.Json.Nodes;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Dialects.OpenAI;
using GlmCluster.Gateway.Tests.Hosting;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Tests.Dialects;

public sealed class OpenAIErrorTests
{
    [Theory]
    [InlineData(GenerationFaultCode.UnknownModel, 404, "model_not_found", false)]
    [InlineData(GenerationFaultCode.UnknownConversation, 404, "conversation_not_found", false)]
    [InlineData(GenerationFaultCode.ConversationBusy, 409, "conversation_busy", false)]
    [InlineData(GenerationFaultCode.ConversationMoved, 409, "conversation_moved", false)]
    [InlineData(GenerationFaultCode.IdempotencyMismatch, 400, "idempotency_mismatch", false)]
    [InlineData(GenerationFaultCode.PromptTooLong, 400, "context_length_exceeded", false)]
    [InlineData(GenerationFaultCode.Overloaded, 429, "overloaded", true)]
    [InlineData(GenerationFaultCode.Unavailable, 503, "unavailable", true)]
    [InlineData(GenerationFaultCode.WorkerLost, 503, "worker_lost", true)]
    [InlineData(GenerationFaultCode.Internal, 500, "internal_error", false)]
    [InlineData(GenerationFaultCode.DeadlineExceeded, 504, "deadline_exceeded", false)]
    public void From_EveryFault_HasItsStatus(GenerationFaultCode fault, int status, string code, bool retries)
    {
        OpenAIError error = OpenAIError.From(new Refusal(fault, "message"));

        Assert.Equal((status, code, retries), (error.Status, error.Code, error.RetryAfter is not null));
    }

    [Fact]
    public void From_Cases_CoverTheEnum() => Assert.Equal(
        Enum.GetValues<GenerationFaultCode>().Length,
        typeof(OpenAIErrorTests).GetMethod(nameof(From_EveryFault_HasItsStatus))!
            .GetCustomAttributes(typeof(InlineDataAttribute), false).Length);

    [Fact]
    public async Task Post_ClusterFull_Is429WithRetryAfter()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(
            Nano.Reply("a"), new() { Paused = true, MaxSequences = 1, MaxQueued = 0 });
        Task<HttpResponseMessage> running = host.PostAsync("/v1/chat/completions", Chat.Ask("a"));
        await host.NextRequestAsync();

        using HttpResponseMessage response = await host.PostAsync("/v1/chat/completions", Chat.Ask("b").With("stream", true));

        Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter!.Delta);
        Assert.Equal("rate_limit_error", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["error"]!["type"]);
        await host.Worker.ResumeAsync();
        using HttpResponseMessage finished = await running;
        Assert.Equal(HttpStatusCode.OK, finished.StatusCode);
    }
}
