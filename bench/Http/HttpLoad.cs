using System.Diagnostics;
using System.Net.Sockets;

namespace GlmCluster.Bench.Http;

/// <summary>Streams chats from any server with an OpenAI-compatible API, and checks that every stream is complete.</summary>
/// <remarks>One thread holds all connections and reads raw bytes, so that the clients cost little of the processors they share with the server.</remarks>
public sealed class HttpLoad(ChatServer server)
{
    private const int CancellationCheckMicroseconds = 200_000;

    /// <summary>Sends the messages with at most so many streams open and waits for the last.</summary>
    /// <exception cref="BenchException">A request was refused or a stream is not complete.</exception>
    public Task<HttpRun> RunAsync(IReadOnlyList<string> messages, int concurrency, int maxTokens, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        List<byte[]> requests = [.. messages.Select(message => server.CreateRequest(message, maxTokens))];
        return Task.Factory.StartNew(
            () => Run(requests, Math.Min(concurrency, requests.Count), cancellationToken),
            cancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    private HttpRun Run(List<byte[]> requests, int concurrency, CancellationToken cancellationToken)
    {
        List<ChatConnection> idle = [.. Enumerable.Range(0, concurrency).Select(_ => new ChatConnection(server))];
        Dictionary<Socket, ChatConnection> running = [];
        List<ChatMeter> finished = [];
        List<Socket> readable = [];
        byte[] buffer = new byte[64 << 10];
        int next = 0;
        long start = Stopwatch.GetTimestamp();
        try
        {
            while (finished.Count < requests.Count)
            {
                for (; idle.Count > 0 && next < requests.Count; next++)
                {
                    idle[^1].Start(requests[next]);
                    running.Add(idle[^1].Socket!, idle[^1]);
                    idle.RemoveAt(idle.Count - 1);
                }

                cancellationToken.ThrowIfCancellationRequested();
                readable.Clear();
                readable.AddRange(running.Keys);
                Socket.Select(readable, null, null, CancellationCheckMicroseconds);
                foreach (Socket socket in readable)
                {
                    if (running[socket].Receive(buffer) is { } complete)
                    {
                        running.Remove(socket, out ChatConnection? client);
                        idle.Add(client!);
                        finished.Add(complete);
                    }
                }
            }

            return Summarize(finished, Stopwatch.GetElapsedTime(start));
        }
        finally
        {
            idle.Concat(running.Values).ToList().ForEach(client => client.Dispose());
        }
    }

    private static HttpRun Summarize(List<ChatMeter> chats, TimeSpan total) => new(
        chats.Sum(chat => chat.Tokens),
        chats.Sum(chat => chat.PromptTokens),
        total,
        [.. chats.Select(chat => chat.First).Order()],
        [.. chats.SelectMany(chat => chat.Gaps).Order()]);
}
