namespace GlmCluster.Grains.Postgres.Live;

/// <summary>Opens live paths from a gateway to silos.</summary>
public interface ILiveConnector
{
    /// <summary>Connects, and returns once the silo answered.</summary>
    /// <param name="url">The silo's.</param>
    /// <param name="secret">What both ends must prove to know.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="LiveAbsentException">Nobody listens there, or another process does.</exception>
    /// <exception cref="IOException">It did not work for another reason.</exception>
    Task<LiveConnection> ConnectAsync(Uri url, ReadOnlyMemory<byte> secret, CancellationToken cancellationToken);
}

/// <summary>An open live path; disposing closes it.</summary>
/// <param name="requests">To the silo.</param>
/// <param name="messages">From the silo.</param>
/// <param name="owner">Disposed with it; null: nothing.</param>
public sealed class LiveConnection(Stream requests, Stream messages, IDisposable? owner) : IAsyncDisposable
{
    public Stream Requests => requests;

    public Stream Messages => messages;

    public async ValueTask DisposeAsync()
    {
        owner?.Dispose();
        await requests.DisposeAsync();
        await messages.DisposeAsync();
    }
}

/// <summary>The process that a live path led to is not there any more.</summary>
public sealed class LiveAbsentException(string message, Exception? inner = null) : IOException(message, inner);
