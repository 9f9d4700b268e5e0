using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Json;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.TestKit;

namespace GlmCluster.Grains.Tests.Contracts;

/// <summary>Records that an earlier version stored must be readable for ever. The fixtures are never edited; a new form gets a new folder.</summary>
public sealed class StoredContractTests
{
    [Fact]
    public void GenerationRequest_Version1_IsRead()
    {
        GenerationRequest request = JsonSerializer.Deserialize(
            ReadFixture("generation-request.json"), ContractsJsonContext.Default.GenerationRequest)!;

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
            ReadFixture("generation-request.choices.json"), ContractsJsonContext.Default.GenerationRequest)!;

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
        GenerationEnd end = JsonSerializer.Deserialize(ReadFixture("generation-end.json"), ContractsJsonContext.Default.GenerationEnd)!;

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
        ModelCard card = JsonSerializer.Deserialize(ReadFixture("model-card.json"), ContractsJsonContext.Default.ModelCard)!;

        Assert.Equal(new ModelReference("glm-nano", "c0ffee"), card.Model);
        Assert.Equal([2], card.StopIds);
        Assert.Equal(("f32", "0123abcd"), (card.WeightFormat, card.NumericsClass));
    }

    /// <summary>What a later version adds is ignored, wherever it stands.</summary>
    [Theory]
    [InlineData("generation-request.json")]
    [InlineData("generation-request.choices.json")]
    [InlineData("generation-end.json")]
    [InlineData("model-card.json")]
    public void Read_MembersOfALaterVersion_AreIgnored(string fixture)
    {
        JsonNode stored = JsonNode.Parse(ReadFixture(fixture))!;
        string before = ReadAndWrite(fixture, stored);

        AddMembers(stored);

        Assert.Contains("from_a_later_version", stored.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(before, ReadAndWrite(fixture, stored));
    }

    private static string ReadAndWrite(string fixture, JsonNode stored)
    {
        JsonTypeInfo type = fixture.Split('.')[0] switch
        {
            "generation-request" => ContractsJsonContext.Default.GenerationRequest,
            "generation-end" => ContractsJsonContext.Default.GenerationEnd,
            _ => ContractsJsonContext.Default.ModelCard,
        };
        return JsonSerializer.Serialize(stored.Deserialize(type), type);
    }

    private static void AddMembers(JsonNode? node)
    {
        foreach (JsonNode? inner in node switch
        {
            JsonObject members => members.Select(member => member.Value),
            JsonArray items => items,
            _ => Enumerable.Empty<JsonNode?>(),
        })
        {
            AddMembers(inner);
        }

        if (node is JsonObject record)
        {
            record["from_a_later_version"] = new JsonObject { ["list"] = new JsonArray(1, "two") };
        }
    }

    private static string ReadFixture(string name) => File.ReadAllText(RepositoryFolder.Path("tests", "data", "contracts", "v1", name));
}
