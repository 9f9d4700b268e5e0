using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using GlmCluster.Cli.Tests.EndToEnd;
using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Postgres.Members;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Cluster;

/// <summary>Clients that leave, cancel, or do not read, at two gateways and two silos: real processes and sockets.</summary>
public sealed class OverloadTests : IAsyncLifetime
{
    private const int MaxTokens = 4000; // of eight choices: more than the buffers of a connection hold

    private readonly List<ClusterProcess> _processes = [];
    private PostgresServer? _postgres;

    private string Database => _postgres!.ConnectionString;

    public async ValueTask InitializeAsync()
    {
        _postgres = await PostgresServer.StartAsync(CancellationToken.None);
        _processes.Add(await ClusterProcess.StartGatewayAsync(Database, "--slow-reader-timeout", "2s"));
        _processes.Add(await ClusterProcess.StartGatewayAsync(Database));
        _processes.Add(await ClusterProcess.StartSiloAsync(Database));
        _processes.Add(await ClusterProcess.StartSiloAsync(Database));
        foreach (ClusterProcess gateway in _processes[..2])
        {
            using var api = new ChatApi(gateway.Url);
            await api.WaitUntilReadyAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ClusterProcess process in _processes)
        {
            await process.DisposeAsync();
        }

        if (_postgres is not null)
        {
            await _postgres.DisposeAsync();
        }
    }

    [Fact]
    public async Task Streams_CancelledAtTheOtherGatewayOrLeft_LeaveTheirSilos()
    {
        using var other = new HttpClient { BaseAddress = _processes[1].Url };
        (TcpClient Client, string Id)[] streams = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => OpenAsync(choices: 1)));
        ClusterStatus during = await PostgresFabric.ReadStatusAsync(Database, CancellationToken.None);

        foreach ((TcpClient client, string id) in streams)
        {
            if (Array.IndexOf(streams, (client, id)) % 2 == 0)
            {
                using HttpResponseMessage cancelled = await other.DeleteAsync($"v1/completions/{id}");
                Assert.True(cancelled.IsSuccessStatusCode);
            }
            else
            {
                client.Dispose();
            }
        }

        await WaitUntilAsync(status => status.Silos.Sum(silo => silo.Assigned) == 0);
        Assert.Equal([2, 2], during.Silos.Select(silo => silo.Assigned));
        foreach ((TcpClient client, string _) in streams)
        {
            client.Dispose();
        }
    }

    [Fact]
    public async Task Stream_ClientDoesNotRead_IsCutAndParked()
    {
        (TcpClient client, string _) = await OpenAsync(choices: 8);
        using (client)
        {
            // The client holds its connection open; that nothing runs any more is the server's doing.
            await WaitUntilAsync(status => status.Models[0] is { Running: 0, Parked: 1 });
        }
    }

    private async Task WaitUntilAsync(Predicate<ClusterStatus> isSo)
    {
        while (!isSo(await PostgresFabric.ReadStatusAsync(Database, CancellationToken.None)))
        {
            await Task.Yield();
        }
    }

    /// <summary>Opens a long stream and reads to the id of its first event, no further.</summary>
    private async Task<(TcpClient Client, string Id)> OpenAsync(int choices)
    {
        var client = new TcpClient { ReceiveBufferSize = 4096 };
        await client.ConnectAsync(_processes[0].Url.Host, _processes[0].Url.Port);
        string body = new JsonObject
        {
            ["model"] = "glm-nano",
            ["prompt"] = "Once upon a time",
            ["stream"] = true,
            ["max_tokens"] = MaxTokens,
            ["temperature"] = 1.5,
            ["ignore_eos"] = true,
            ["n"] = choices,
            ["logprobs"] = 5,
        }.ToJsonString();
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /v1/completions HTTP/1.1\r\nHost: glm\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        var text = new StringBuilder();
        var buffer = new byte[512];
        while (text.ToString().IndexOf("\"id\":\"", StringComparison.Ordinal) is var at && (at < 0 || text.Length < at + 60))
        {
            text.Append(Encoding.UTF8.GetString(buffer, 0, await client.GetStream().ReadAsync(buffer)));
        }

        string answer = text.ToString();
        int start = answer.IndexOf("\"id\":\"", StringComparison.Ordinal) + 6;
        return (client, answer[start..answer.IndexOf('"', start)]);
    }
}
