using System.ClientModel;
using GlmCluster.Gateway.Tests.Hosting;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;

namespace GlmCluster.Gateway.Tests.Dialects;

/// <summary>The official .NET client against the gateway.</summary>
public sealed class OpenAIClientTests
{
    private static readonly ChatTool WeatherTool = ChatTool.CreateFunctionTool(
        "get_weather", "查询天气", BinaryData.FromString("""{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"""));

    [Fact]
    public async Task CompleteChat_Text_Answers()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("你好！"));

        ChatCompletion completion = await CreateChat(host).CompleteChatAsync("你好");

        Assert.Equal("你好！", completion.Content[0].Text);
        Assert.Equal(ChatFinishReason.Stop, completion.FinishReason);
        Assert.Equal(6, completion.Usage.InputTokenCount);
    }

    [Fact]
    public async Task CompleteChat_WithLogprobs_ReadsThem()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("你好！"));

        ChatCompletion completion = await CreateChat(host).CompleteChatAsync(
            [new UserChatMessage("你好")], new ChatCompletionOptions { IncludeLogProbabilities = true, TopLogProbabilityCount = 3 });

        Assert.Equal("你好！", string.Concat(completion.ContentTokenLogProbabilities.Select(token => token.Token)));
        Assert.All(completion.ContentTokenLogProbabilities, token => Assert.Equal(3, token.TopLogProbabilities.Count));
    }

    [Fact]
    public async Task CompleteChatStreaming_Text_StreamsItWithUsage()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("1 2 3 4"));
        string text = "";
        ChatFinishReason? reason = null;
        int? inputTokens = null;

        await foreach (StreamingChatCompletionUpdate update in CreateChat(host).CompleteChatStreamingAsync("count"))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            reason ??= update.FinishReason;
            inputTokens ??= update.Usage?.InputTokenCount;
        }

        Assert.Equal("1 2 3 4", text);
        Assert.Equal(ChatFinishReason.Stop, reason);
        Assert.NotNull(inputTokens);
    }

    [Fact]
    public async Task CompleteChat_Tool_CallsItAndReadsTheResult()
    {
        int turn = 0;
        await using GatewayHost host = await GatewayHost.StartAsync(
            _ => turn++ == 0 ? Nano.Call("get_weather", """{"city": "北京"}""") : Nano.Reply("北京现在晴。"));
        ChatClient chat = CreateChat(host);
        ChatCompletionOptions options = new() { Tools = { WeatherTool } };
        List<ChatMessage> messages = [new UserChatMessage("北京天气？")];

        ChatCompletion call = await chat.CompleteChatAsync(messages, options);
        messages.Add(new AssistantChatMessage(call));
        messages.Add(new ToolChatMessage(call.ToolCalls[0].Id, """{"t": 20}"""));
        ChatCompletion answer = await chat.CompleteChatAsync(messages, options);

        Assert.Equal(ChatFinishReason.ToolCalls, call.FinishReason);
        Assert.Equal("get_weather", call.ToolCalls[0].FunctionName);
        Assert.Equal("""{"city": "北京"}""", call.ToolCalls[0].FunctionArguments.ToString());
        Assert.Equal("北京现在晴。", answer.Content[0].Text);
    }

    [Fact]
    public async Task CompleteChatStreaming_Tool_StreamsTheCall()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Call("get_weather", """{"city": "北京"}"""));
        List<StreamingChatToolCallUpdate> calls = [];
        ChatFinishReason? reason = null;

        await foreach (StreamingChatCompletionUpdate update in CreateChat(host).CompleteChatStreamingAsync(
            [new UserChatMessage("北京天气？")], new ChatCompletionOptions { Tools = { WeatherTool } }))
        {
            calls.AddRange(update.ToolCallUpdates);
            reason ??= update.FinishReason;
        }

        StreamingChatToolCallUpdate call = Assert.Single(calls);
        Assert.Equal("get_weather", call.FunctionName);
        Assert.Equal("""{"city": "北京"}""", call.FunctionArgumentsUpdate.ToString());
        Assert.Equal(ChatFinishReason.ToolCalls, reason);
    }

    [Fact]
    public async Task CompleteChat_ConversationId_Continues()
    {
        int turn = 0;
        await using GatewayHost host = await GatewayHost.StartAsync(_ => Nano.Reply(turn++ == 0 ? "你好，小红！" : "你叫小红。"));
        ChatClient chat = CreateChat(host);
        ChatCompletion first = await chat.CompleteChatAsync("我叫小红");
        var options = new ChatCompletionOptions();
#pragma warning disable SCME0001 // the client's only way to send a field that it does not know
        options.Patch.Set("$.conversation_id"u8, first.Id);
#pragma warning restore SCME0001

        ChatCompletion second = await chat.CompleteChatAsync([new UserChatMessage("我叫什么？")], options);

        await host.NextRequestAsync();
        Assert.Equal("你叫小红。", second.Content[0].Text);
        Assert.Contains("我叫小红", Nano.Decode((await host.NextRequestAsync()).PromptIds), StringComparison.Ordinal);
    }

    [Fact]
    public async Task CompleteChat_UnknownModel_ThrowsTheError()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));

        ClientResultException refused = await Assert.ThrowsAsync<ClientResultException>(
            () => CreateChat(host, "gpt-9").CompleteChatAsync("a"));

        Assert.Equal(404, refused.Status);
        Assert.Contains("model_not_found", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetModels_OneWorker_ListsItsModel()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(Nano.Reply("a"));
        var models = new OpenAIModelClient(new ApiKeyCredential("any"), Options(host));

        OpenAIModelCollection list = await models.GetModelsAsync();

        Assert.Equal(Nano.Name, Assert.Single(list).Id);
    }

    private static ChatClient CreateChat(GatewayHost host, string model = Nano.Name) =>
        new(model, new ApiKeyCredential("any"), Options(host));

    private static OpenAIClientOptions Options(GatewayHost host) => new() { Endpoint = new Uri(host.Address, "v1") };
}
