using System.Collections.Immutable;
using System.Globalization;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace GlmCluster.Cli.Control;

/// <summary>Talks to a running server of this user over its control socket.</summary>
internal sealed class ControlClient : IDisposable
{
    private static readonly Uri BaseAddress = new("http://localhost"); // the socket decides who answers

    private readonly HttpClient _http;

    public ControlClient(string path) => _http = new HttpClient(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    })
    {
        BaseAddress = BaseAddress,
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>Finds the server that is meant.</summary>
    /// <param name="server">A name such as <c>serve-8000</c>, or a socket's path; null: the only one that runs.</param>
    /// <exception cref="ControlException">There is none, or there are several.</exception>
    public static async Task<ControlClient> FindAsync(string? server)
    {
        if (server is not null && server.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            return new ControlClient(Path.GetFullPath(server));
        }

        SortedDictionary<string, string> running = await ControlSocket.FindAsync();
        if (server is not null)
        {
            return running.TryGetValue(server, out string? path)
                ? new ControlClient(path)
                : throw new ControlException($"No server '{server}' of yours runs here. {Describe(running)}");
        }

        return running.Count == 1
            ? new ControlClient(running.Values.First())
            : throw new ControlException(Describe(running));
    }

    public async Task<ImmutableArray<RunningModel>> ListAsync(CancellationToken cancellationToken) =>
        await _http.GetFromJsonAsync(ControlServer.ModelsPath, ControlJson.Default.ImmutableArrayRunningModel, cancellationToken);

    /// <inheritdoc cref="SendAsync"/>
    public Task<RunningModel> LoadAsync(LoadRequest model, Action<ControlLine> report, CancellationToken cancellationToken) => SendAsync(
        new HttpRequestMessage(HttpMethod.Post, ControlServer.ModelsPath) { Content = JsonContent.Create(model, ControlJson.Default.LoadRequest) },
        report,
        cancellationToken);

    /// <inheritdoc cref="SendAsync"/>
    public Task<RunningModel> UnloadAsync(string name, TimeSpan? patience, Action<ControlLine> report, CancellationToken cancellationToken)
    {
        string query = patience is { } time
            ? string.Create(CultureInfo.InvariantCulture, $"?{ControlServer.PatienceKey}={(int)time.TotalSeconds}")
            : "";
        string path = $"{ControlServer.ModelsPath}/{string.Join('/', name.Split('/').Select(Uri.EscapeDataString))}{query}";
        return SendAsync(new HttpRequestMessage(HttpMethod.Delete, path), report, cancellationToken);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Asks, and reads the answer to its last line.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="report">Told about each line before the last.</param>
    /// <param name="cancellationToken">Ends the reading; the server goes on.</param>
    /// <exception cref="ControlException">The server says why it cannot be done.</exception>
    private async Task<RunningModel> SendAsync(HttpRequestMessage request, Action<ControlLine> report, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await lines.ReadLineAsync(cancellationToken) is { } text)
        {
            ControlLine line = JsonSerializer.Deserialize(text, ControlJson.Default.ControlLine)!;
            if (line.Error is { } error)
            {
                throw new ControlException(error);
            }

            if (line.Model is { } model)
            {
                return model;
            }

            report(line);
        }

        throw new IOException("The server ended before it had answered. Its log says why.");
    }

    private static string Describe(SortedDictionary<string, string> running) => running.Count == 0
        ? $"No server of yours listens in {ControlSocket.Folder}. Start one with `glm serve`, or name its socket with --server."
        : $"Several servers of yours run here: {string.Join(", ", running.Keys)}. Choose one with --server.";
}
