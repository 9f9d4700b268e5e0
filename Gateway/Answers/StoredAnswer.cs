using System.Text;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Answers;

/// <summary>Reads the answers of stored turns.</summary>
internal static class StoredAnswer
{
    /// <summary>The answer as a message of the conversation.</summary>
    public static TurnMessage Read(FinishedTurn turn, TextModel model)
    {
        // Stored ids end before the stop string, so none is looked for.
        AnswerReader reader = AnswerReader.ForChat(model, turn.Answer, turn.Turn.Tools, turn.Turn.Reply, []);
        var text = new StringBuilder();
        var reasoning = new StringBuilder();
        reader.PushAll(turn.AnswerIds.AsSpan(), text, reasoning);
        Answer tail = reader.Finish(new GenerationEnd(turn.Reason, new TokenUsage(0, 0)));
        reasoning.Append(tail.Reasoning);
        return new TurnMessage
        {
            Role = "assistant",
            Content = text.Append(tail.Text).ToString(),
            Reasoning = reasoning.Length > 0 ? reasoning.ToString() : null,
            ToolCalls = tail.ToolCalls,
        };
    }
}
