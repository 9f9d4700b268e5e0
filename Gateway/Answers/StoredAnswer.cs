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
        AnswerReader reader = AnswerReader.ForChat(model, turn.Answer, choice: 0, turn.Turn.Tools, []);
        var text = new StringBuilder();
        reader.PushAll(turn.AnswerIds.AsSpan(), text);
        Answer tail = reader.Finish(turn.Reason);
        return new TurnMessage { Role = "assistant", Content = text.Append(tail.Text).ToString(), ToolCalls = tail.ToolCalls };
    }
}
