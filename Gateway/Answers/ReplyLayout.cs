using System.Collections.Immutable;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Grains.Abstractions.Conversations;

namespace GlmCluster.Gateway.Answers;

/// <summary>The stored choices about a chat's layout as chat templates take them.</summary>
internal static class ReplyLayout
{
    public static ChatOptions ToChatOptions(this ReplySettings? reply) =>
        reply is null ? ChatOptions.Default : new ChatOptions(reply.Thinks, reply.KeepsThoughts, reply.ForcedTool);

    public static ChatTool[] ToChatTools(this ImmutableArray<ToolDeclaration> tools) =>
        [.. tools.Select(tool => new ChatTool(tool.Name, tool.DeclarationJson))];
}
