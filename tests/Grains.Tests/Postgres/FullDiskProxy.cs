using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace GlmCluster.Grains.Tests.Postgres;

/// <summary>
/// Stands between the program and PostgreSQL, and answers every statement that writes as a server does whose disk is full, while told to.
/// It knows as much of the protocol as that needs: https://www.postgresql.org/docs/current/protocol-message-formats.html.
/// </summary>
public sealed class FullDiskProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly string _socket;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;
    private readonly List<Task> _serving = [];
    private volatile bool _isFull;

    /// <param name="database">The server, on a Unix socket.</param>
    public FullDiskProxy(string database)
    {
        var direct = new NpgsqlConnectionStringBuilder(database);
        _socket = $"{direct.Host}/.s.PGSQL.{direct.Port}";
        _listener.Start();
        int port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        ConnectionString = $"Host=127.0.0.1;Port={port};Database={direct.Database};Username={direct.Username};SSL Mode=Disable;GSS Encryption Mode=Disable";
        _accepting = AcceptAsync();
    }

    public string ConnectionString { get; }

    /// <summary>Whether writes fail.</summary>
    public bool IsFull
    {
        get => _isFull;
        set => _isFull = value;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _accepting;
        await Task.WhenAll(_serving);
        _listener.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _serving.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stopping.Token)));
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            client.NoDelay = true;
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_socket));
            await using var server = new NetworkStream(socket);
            var session = new Session(this, client.GetStream(), server);
            using var left = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            Task[] ways = [session.PassRequestsAsync(left.Token), session.PassAnswersAsync(left.Token)];
            await Task.WhenAny(ways);
            await left.CancelAsync();
            await Task.WhenAll(ways).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private sealed class Session(FullDiskProxy proxy, Stream client, Stream server)
    {
        private readonly Dictionary<string, bool> _writes = []; // by name of the prepared statement
        private volatile byte _transaction = (byte)'I';

        /// <summary>Passes on what the client sends, one group up to a Sync or Query at a time.</summary>
        public async Task PassRequestsAsync(CancellationToken cancellationToken)
        {
            await server.WriteAsync(await ReadAsync(client, typeBytes: 0, cancellationToken), cancellationToken); // the startup message
            var group = new MemoryStream();
            bool writes = false;
            while (true)
            {
                byte[] message = await ReadAsync(client, typeBytes: 1, cancellationToken);
                group.Write(message);
                writes |= Writes(message);
                if (message[0] is not ((byte)'Q' or (byte)'S' or (byte)'X'))
                {
                    continue;
                }

                if (writes && proxy.IsFull)
                {
                    await client.WriteAsync(FullDisk(), cancellationToken);
                }
                else
                {
                    await server.WriteAsync(group.ToArray(), cancellationToken);
                }

                group.SetLength(0);
                writes = false;
            }
        }

        /// <summary>Passes on what the server sends, and notes in what kind of transaction it is.</summary>
        public async Task PassAnswersAsync(CancellationToken cancellationToken)
        {
            while (true)
            {
                byte[] message = await ReadAsync(server, typeBytes: 1, cancellationToken);
                _transaction = message[0] == (byte)'Z' ? message[5] : _transaction;
                await client.WriteAsync(message, cancellationToken);
            }
        }

        private bool Writes(byte[] message)
        {
            string[] texts = Encoding.UTF8.GetString(message.AsSpan(5)).Split('\0');
            switch ((char)message[0])
            {
                case 'Q':
                    return IsWrite(texts[0]);
                case 'P': // name, statement
                    return _writes[texts[0]] = IsWrite(texts[1]);
                case 'B': // portal, name
                    return _writes.GetValueOrDefault(texts[1]);
                default:
                    return false;
            }
        }

        private static bool IsWrite(string statement) => new[] { "insert ", "update ", "delete ", "create " }
            .Any(word => statement.Contains(word, StringComparison.OrdinalIgnoreCase));

        /// <summary>ErrorResponse and ReadyForQuery.</summary>
        private byte[] FullDisk()
        {
            byte[] fields = Encoding.UTF8.GetBytes("SERROR\0VERROR\0C53100\0Mcould not extend file: No space left on device\0\0");
            byte[] error = [(byte)'E', 0, 0, 0, 0, .. fields];
            BinaryPrimitives.WriteInt32BigEndian(error.AsSpan(1), fields.Length + 4);
            return [.. error, (byte)'Z', 0, 0, 0, 5, _transaction == (byte)'I' ? (byte)'I' : (byte)'E'];
        }

        private static async Task<byte[]> ReadAsync(Stream stream, int typeBytes, CancellationToken cancellationToken)
        {
            byte[] head = new byte[typeBytes + 4];
            await stream.ReadExactlyAsync(head, cancellationToken);
            byte[] message = new byte[typeBytes + BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(typeBytes))];
            head.CopyTo(message, 0);
            await stream.ReadExactlyAsync(message.AsMemory(head.Length), cancellationToken);
            return message;
        }
    }
}
