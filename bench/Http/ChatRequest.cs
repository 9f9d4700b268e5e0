namespace GlmCluster.Bench.Http;

/// <summary>A request that is ready to be sent.</summary>
/// <param name="Server">Where to.</param>
/// <param name="Index">Among those of a load.</param>
/// <param name="Bytes">A whole HTTP request.</param>
internal sealed record ChatRequest(Uri Server, int Index, byte[] Bytes)
{
    public static ChatRequest Create(ChatServer server, int index, string message, int maxTokens) =>
        new(server.Url, index, server.CreateRequest(message, maxTokens));
}
