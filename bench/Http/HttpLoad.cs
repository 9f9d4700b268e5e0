using System.Diagnostics;
using System.Net.Sockets;

namespace GlmCluster.Bench.Http;

/// <summary>Streams chats from any server with an OpenAI-compatible API, or from several in rotation, and checks that every stream is complete.</summary>
/// <remarks>One thread holds all connections and reads raw bytes, so that the clients cost little of the processors they share with the server.</remarks>
public sealed class HttpLoad(params IReadOnlyList<ChatServer> servers)
{
    private const int CancellationCheckMicroseconds = 200_000;

    /// <summary>Sends the messages with at most so many streams open and waits for the last.</summary>
    /// <exception cref="BenchException">A request was refused or a stream is not complete.</exception>
    public Task<HttpRun> RunAsync(IReadOnlyList<string> messages, int concurrency, int maxTokens, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        List<ChatRequest> requests =
            [.. messages.Select((message, index) => ChatRequest.Create(servers[index % servers.Count], index, message, maxTokens))];
        return Task.Factory.StartNew(
            () => Run(requests, Math.Min(concurrency, requests.Count), cancellationToken),
            cancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    private static HttpRun Run(List<ChatRequest> requests, int concurrency, CancellationToken cancellationToken)
    {
        List<ChatConnection> idle = [.. Enumerable.Range(0, concurrency).Select(_ => new ChatConnection())];
        Dictionary<Socket, ChatConnection> running = [];
        List<(int Request, ChatMeter Meter)> finished = [];
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
                    ChatConnection client = running[socket];
                    if (client.Receive(buffer) is { } complete)
                    {
                        running.Remove(socket);
                        idle.Add(client);
                        finished.Add((client.Request, complete));
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

    private static HttpRun Summarize(List<(int Request, ChatMeter Meter)> chats, TimeSpan total) => new(
        chats.Sum(chat => chat.Meter.Tokens),
        chats.Sum(chat => chat.Meter.PromptTokens),
        total,
        [.. chats.Select(chat => chat.Meter.First).Order()],
        [.. chats.SelectMany(chat => chat.Meter.Gaps).Order()],
        [.. chats.Select(chat => new HttpAnswer(chat.Request, chat.Meter.Content, chat.Meter.Pieces))]);
}
