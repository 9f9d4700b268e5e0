using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Grains.Conversations;

/// <summary>Where a conversation stands.</summary>
/// <param name="Id">The id of its first answer.</param>
/// <param name="Turns">Answers kept.</param>
/// <param name="Running">The generation that has it reserved; null: none.</param>
internal sealed record ConversationState(GenerationId Id, int Turns, GenerationId? Running);

/// <summary>Whether a turn can follow what a conversation holds.</summary>
internal static class ConversationCheck
{
    /// <param name="anyAnswer">As the client names the conversation.</param>
    /// <param name="state">Of its row; null: the caller has none of that id.</param>
    /// <param name="turn">What is to follow.</param>
    /// <returns>Why it cannot; null: it can.</returns>
    public static GenerationFault? FindFault(GenerationId anyAnswer, ConversationState? state, ConversationTurn turn) => state switch
    {
        null => new GenerationFault(
            GenerationFaultCode.UnknownConversation, $"There is no conversation '{anyAnswer}'. It may have expired; start a new one."),
        { Running: not null } => new GenerationFault(
            GenerationFaultCode.ConversationBusy, $"The conversation '{anyAnswer}' is being answered. Wait for that answer, or cancel it."),
        _ when state.Turns != turn.Index => new GenerationFault(
            GenerationFaultCode.ConversationMoved,
            $"The conversation '{anyAnswer}' has {state.Turns} turns, not {turn.Index}. Send the request again."),
        _ => null,
    };
}
