using System.Text;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Grains.Abstractions.Conversations;

namespace GlmCluster.Gateway.Answers;

/// <summary>Reads the answers of stored turns.</summary>
internal static class StoredAnswer
{
    /// <summary>The answer as a message of the conversation.</summary>
    public static TurnMessage Read(FinishedTurn turn, TextModel model)
    {
        // Stored ids end before the stop string, so none is looked for.
        AnswerReader reader = AnswerReader.ForChat(model, turn.Answer, choice: 0, turn.Turn.Tools, turn.Turn.Reply, []);
        var text = new StringBuilder();
        var reasoning = new StringBuilder();
        reader.PushAll(turn.AnswerIds.AsSpan(), text, reasoning);
        Answer tail = reader.Finish(turn.Reason);
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
