using System.Net.Sockets;

namespace GlmCluster.Cli.Chaos;

/// <summary>The way of one process to the database, which can be cut: a Unix socket that passes everything on to PostgreSQL's.</summary>
internal sealed class DatabaseProxy : IAsyncDisposable
{
    /// <summary>PostgreSQL's clients look for this name in the folder they are given.</summary>
    private const string SocketName = ".s.PGSQL.5432";

    private readonly string _target;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new(); // guards _connections and _isCut
    private readonly HashSet<Socket> _connections = [];
    private readonly Task _accepting;
    private bool _isCut;

    /// <param name="folder">Of its socket; made.</param>
    /// <param name="targetFolder">Of PostgreSQL's socket.</param>
    public DatabaseProxy(string folder, string targetFolder)
    {
        _target = Path.Combine(targetFolder, SocketName);
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, SocketName);
        File.Delete(path);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    /// <summary>Breaks all connections; new ones are refused until <see cref="Mend"/>.</summary>
    public void Cut()
    {
        lock (_lock)
        {
            _isCut = true;
            foreach (Socket connection in _connections)
            {
                connection.Close();
            }

            _connections.Clear();
        }
    }

    public void Mend()
    {
        lock (_lock)
        {
            _isCut = false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        Cut();
        await _accepting;
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                _ = PassAsync(await _listener.AcceptAsync(_stopping.Token));
            }
            catch (Exception closed) when (closed is SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task PassAsync(Socket client)
    {
        using Socket _ = client;
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (!TryKeep(client, server))
            {
                return;
            }

            await server.ConnectAsync(new UnixDomainSocketEndPoint(_target));
            await Task.WhenAny(CopyAsync(client, server), CopyAsync(server, client));
        }
        catch (Exception broken) when (broken is SocketException or ObjectDisposedException)
        {
        }
        finally
        {
            lock (_lock)
            {
                _connections.Remove(client);
                _connections.Remove(server);
            }
        }
    }

    private bool TryKeep(Socket client, Socket server)
    {
        lock (_lock)
        {
            return !_isCut && _connections.Add(client) && _connections.Add(server);
        }
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[1 << 16];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and int count)
            {
                for (int sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
                }
            }
        }
        catch (Exception broken) when (broken is SocketException or ObjectDisposedException)
        {
        }
    }
}
