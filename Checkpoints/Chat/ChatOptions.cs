namespace GlmCluster.Checkpoints.Chat;

/// <summary>What a client may choose about the layout of one chat.</summary>
/// <param name="Thinks">Whether the model may think before it answers; layouts without thoughts ignore it.</param>
/// <param name="KeepsThoughts">Whether thoughts of earlier turns stay in the prompt, where the layout has that choice.</param>
/// <param name="ForcedTool">A declared tool that the reply must call; null: none.</param>
public sealed record ChatOptions(bool Thinks = true, bool KeepsThoughts = false, string? ForcedTool = null)
{
    public static readonly ChatOptions Default = new();
}
