using System.Text.Json.Nodes;

namespace GlmCluster.Cli.Chaos;

/// <summary>One request, or the turns of a conversation.</summary>
/// <param name="Turns">Bodies without <c>stream</c> and <c>conversation_id</c>.</param>
/// <param name="Streams">Whether the client reads streams.</param>
/// <param name="Leaves">Whether the client breaks off now and then and comes back.</param>
internal sealed record ChaosRequest(IReadOnlyList<JsonObject> Turns, bool Streams, bool Leaves)
{
    private static readonly string[] Messages =
    [
        "你好", "Hello", "What can you do?", "我叫小明。", "Hi, my name is Alice", "What is the capital of France?", "翻译：苹果",
        "Count from one to ten.", "How do I continue a conversation?", "3 + 4 = ?",
    ];

    private static readonly string[] Remembered = ["我叫什么名字？", "Do you remember my name?", "What can you do?"];

    /// <summary>Draws one: every way of sampling that the server offers comes up, and answers long enough to be hit.</summary>
    public static ChaosRequest Draw(Random random, string model)
    {
        bool isConversation = random.Next(4) == 0;
        int turns = isConversation ? random.Next(2, 4) : 1;
        return new ChaosRequest(
            [.. Enumerable.Range(0, turns).Select(turn => Body(random, model, turn == 0 ? Messages : Remembered, isConversation))],
            Streams: random.Next(5) > 0,
            Leaves: random.Next(3) == 0);
    }

    private static JsonObject Body(Random random, string model, string[] messages, bool isConversation)
    {
        var body = new JsonObject
        {
            ["model"] = model,
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = messages[random.Next(messages.Length)] }),
            ["temperature"] = random.Next(3) == 0 ? 0 : 0.5 + random.NextDouble(),
            ["seed"] = random.Next(1000),
            ["max_tokens"] = random.Next(20, 400),
        };
        if (isConversation)
        {
            return body;
        }

        // The model's own end comes soon; most answers go on after it.
        body["ignore_eos"] = random.Next(4) > 0;
        MaybeAdd(random, body, "n", () => random.Next(2, 4));
        MaybeAdd(random, body, "logprobs", () => true);
        MaybeAdd(random, body, "top_p", () => 0.5 + (random.NextDouble() / 2));
        MaybeAdd(random, body, "top_k", () => random.Next(5, 50));
        MaybeAdd(random, body, "frequency_penalty", () => random.NextDouble());
        MaybeAdd(random, body, "presence_penalty", () => random.NextDouble());
        MaybeAdd(random, body, "repetition_penalty", () => 1 + (random.NextDouble() / 4));
        MaybeAdd(random, body, "stop", () => new JsonArray("。", "name", " the"));
        MaybeAdd(random, body, "store", () => false);
        return body;
    }

    private static void MaybeAdd(Random random, JsonObject body, string name, Func<JsonNode> value)
    {
        if (random.Next(4) == 0)
        {
            body[name] = value();
        }
    }
}
