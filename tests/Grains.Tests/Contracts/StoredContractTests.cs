using System.Text.Json;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Json;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.Contracts;

/// <summary>Records that an earlier version stored must be readable for ever. The fixtures are never edited; a new form gets a new file.</summary>
public sealed class StoredContractTests
{
    [Fact]
    public void GenerationRequest_Version1_IsRead()
    {
        GenerationRequest request = JsonSerializer.Deserialize(
            ReadFixture("generation-request.v1.json"), ContractsJsonContext.Default.GenerationRequest)!;

        Assert.Equal(1, request.Version);
        Assert.Equal("00112233445566778899aabb", request.Id.ToString());
        Assert.Equal(new ModelReference("glm-nano", "c0ffee"), request.Model);
        Assert.Equal([1, 2, 3], request.PromptIds);
        Assert.Equal(new SamplingSettings { Temperature = 0.5f, TopP = 0.9f, TopK = 40, Seed = 18446744073709551615 }, request.Sampling);
        Assert.Equal([151329, 151336], request.StopIds);
        Assert.Equal((1, null), (request.Choices, request.TopLogprobs));
        Assert.Equal(["\n\nUser:"], request.StopStrings);
        Assert.Equal((100, DisconnectPolicy.Detach), (request.MaxTokens, request.OnDisconnect));
        Assert.Equal(("key", "fingerprint"), (request.IdempotencyKey, request.IdempotencyFingerprint));
        Assert.Equal(("openai.chat", true, "get_weather"), (request.View.Dialect, request.View.IncludeUsage, request.View.Tools[0].Name));
        ConversationTurn turn = request.Turn!;
        Assert.Equal((GenerationId.Parse("ffeeddccbbaa998877665544"), 3), (turn.Conversation, turn.Index));
        Assert.Equal(["assistant", "tool", "user"], turn.Messages.Select(message => message.Role));
        Assert.Equal(new ToolCall("call_1", "get_weather", """{"city":"北京"}"""), turn.Messages[0].ToolCalls[0]);
        Assert.Equal(("call_1", "晴"), (turn.Messages[1].ToolCallId, turn.Messages[1].Content));
    }

    [Fact]
    public void GenerationRequest_Version1WithChoices_IsRead()
    {
        GenerationRequest request = JsonSerializer.Deserialize(
            ReadFixture("generation-request.v1.choices.json"), ContractsJsonContext.Default.GenerationRequest)!;

        Assert.Equal((3, 5), (request.Choices, request.TopLogprobs));
        Assert.Equal([new TokenBias(7, -100), new TokenBias(9, 2.5f)], request.Sampling.LogitBias);
        Assert.Equal(
            new SamplingSettings
            {
                Temperature = 0.5f,
                TopP = 0.9f,
                TopK = 40,
                MinP = 0.05f,
                RepetitionPenalty = 1.1f,
                PresencePenalty = 0.5f,
                FrequencyPenalty = -0.25f,
                LogitBias = request.Sampling.LogitBias,
                MinTokens = 4,
                Seed = 42,
            },
            request.Sampling);
    }

    [Fact]
    public void GenerationEnd_Version1_IsRead()
    {
        GenerationEnd end = JsonSerializer.Deserialize(ReadFixture("generation-end.v1.json"), ContractsJsonContext.Default.GenerationEnd)!;

        Assert.Equal(
            new GenerationEnd(
                EndReason.Failed,
                new TokenUsage(10, 20, 5),
                new GenerationFault(GenerationFaultCode.WorkerLost, "Send the request again.", TimeSpan.FromSeconds(2))),
            end);
    }

    [Fact]
    public void ModelCard_Version1_IsRead()
    {
        ModelCard card = JsonSerializer.Deserialize(ReadFixture("model-card.v1.json"), ContractsJsonContext.Default.ModelCard)!;

        Assert.Equal(new ModelReference("glm-nano", "c0ffee"), card.Model);
        Assert.Equal([2], card.StopIds);
        Assert.Equal(("f32", "0123abcd"), (card.WeightFormat, card.NumericsClass));
    }

    private static string ReadFixture(string name) => File.ReadAllText(RepositoryFolder.Path("tests", "data", "contracts", name));
}
