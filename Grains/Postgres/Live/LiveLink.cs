using System.Buffers.Binary;
using System.Threading.Channels;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Postgres.Readers;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.Postgres.Live;

/// <summary>The gateway's live path to one silo, kept open while something there is followed. Thread-safe.</summary>
internal sealed class LiveLink : IAsyncDisposable
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LastRetry = TimeSpan.FromSeconds(1);

    private readonly Uri _url;
    private readonly ILiveConnector _connector;
    private readonly ReadOnlyMemory<byte> _secret;
    private readonly Func<Uri, Task> _onAbsent;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ReaderWaker _waker = new();
    private readonly Task _running;
    private readonly Lock _lock = new(); // guards _followed, _embeddings and _requests
    private readonly Dictionary<GenerationId, FollowedGeneration> _followed = [];
    private readonly PendingEmbeddings _embeddings = new();
    private Channel<byte[]>? _requests; // null while not connected

    /// <param name="url">The silo's.</param>
    /// <param name="connector">Opens it.</param>
    /// <param name="secret">The cluster's.</param>
    /// <param name="onAbsent">Told when the silo was there and is not any more.</param>
    /// <param name="time">For the pause between attempts.</param>
    /// <param name="logger">Where events go.</param>
    public LiveLink(Uri url, ILiveConnector connector, ReadOnlyMemory<byte> secret, Func<Uri, Task> onAbsent, TimeProvider time, ILogger logger)
    {
        _url = url;
        _connector = connector;
        _secret = secret;
        _onAbsent = onAbsent;
        _time = time;
        _logger = logger;
        _running = RunAsync(_stopping.Token);
    }

    /// <summary>Whether what is followed comes through this link now.</summary>
    public bool IsConnected
    {
        get
        {
            lock (_lock)
            {
                return _requests is not null;
            }
        }
    }

    /// <summary>Asks for what follows the tokens that are there already.</summary>
    public void Follow(FollowedGeneration generation)
    {
        lock (_lock)
        {
            _followed[generation.Id] = generation;
            _requests?.Writer.TryWrite(LiveMessages.Request(LiveRequestKind.Follow, generation.Id, generation.Log.Count));
        }
    }

    public void Leave(FollowedGeneration generation)
    {
        lock (_lock)
        {
            if (_followed.Remove(generation.Id))
            {
                _requests?.Writer.TryWrite(LiveMessages.Request(LiveRequestKind.Leave, generation.Id, 0));
            }
        }
    }

    /// <summary>Embedding requests of this gateway that wait for this silo's answer.</summary>
    public int PendingEmbeddings
    {
        get
        {
            lock (_lock)
            {
                return _embeddings.Count;
            }
        }
    }

    /// <summary>Asks the silo for vectors.</summary>
    /// <param name="body">As <see cref="EmbeddingCodec"/> writes it.</param>
    /// <param name="cancellationToken">Gives it up, there too.</param>
    /// <exception cref="IOException">The silo cannot be reached, or went away before it answered.</exception>
    public async Task<EmbeddingOutcome> EmbedAsync(byte[] body, CancellationToken cancellationToken)
    {
        var id = GenerationId.New();
        Task<EmbeddingOutcome> outcome;
        lock (_lock)
        {
            if (_stopping.IsCancellationRequested)
            {
                throw new IOException("The silo has left.");
            }

            (byte[] request, outcome) = _embeddings.Add(id, body);
            _requests?.Writer.TryWrite(request);
        }

        try
        {
            return await outcome.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            lock (_lock)
            {
                if (_embeddings.Remove(id))
                {
                    _requests?.Writer.TryWrite(LiveMessages.Request(LiveRequestKind.CancelEmbed, id, 0));
                }
            }

            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        Break();
        _stopping.Dispose();
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        bool wasConnected = false;
        TimeSpan retry = FirstRetry;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await using LiveConnection connection = await _connector.ConnectAsync(_url, _secret, stopping);
                wasConnected = true;
                retry = FirstRetry;
                await ExchangeAsync(connection, stopping);
                _logger.LiveLinkBroken(_url, "the silo closed it");
            }
            catch (LiveAbsentException absent) when (wasConnected)
            {
                _logger.LiveLinkBroken(_url, absent.Message);
                await _onAbsent(_url);
            }
            catch (IOException broken) when (!stopping.IsCancellationRequested)
            {
                _logger.LiveLinkBroken(_url, broken.Message);
            }
            catch (Exception) when (stopping.IsCancellationRequested)
            {
                return;
            }

            Break();
            await Task.Delay(retry, _time, stopping).ContinueWith(_ => { }, TaskScheduler.Default);
            retry = retry * 2 < LastRetry ? retry * 2 : LastRetry;
        }
    }

    private async Task ExchangeAsync(LiveConnection connection, CancellationToken stopping)
    {
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Channel<byte[]> requests = Channel.CreateUnbounded<byte[]>(); // one per generation that comes or goes
        lock (_lock)
        {
            _requests = requests;
            foreach (FollowedGeneration generation in _followed.Values)
            {
                requests.Writer.TryWrite(LiveMessages.Request(LiveRequestKind.Follow, generation.Id, generation.Log.Count));
            }

            foreach (byte[] embedding in _embeddings.Requests)
            {
                requests.Writer.TryWrite(embedding);
            }
        }

        Task sending = SendAsync(connection.Requests, requests.Reader, broken);
        try
        {
            await ReceiveAsync(connection.Messages, broken.Token);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            throw new IOException("the silo takes no requests");
        }
        finally
        {
            await broken.CancelAsync();
            await sending;
        }
    }

    private static async Task SendAsync(Stream stream, ChannelReader<byte[]> requests, CancellationTokenSource broken)
    {
        try
        {
            await foreach (byte[] request in requests.ReadAllAsync(broken.Token))
            {
                await stream.WriteAsync(request, broken.Token);
                if (!requests.TryPeek(out _))
                {
                    await stream.FlushAsync(broken.Token);
                }
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or ObjectDisposedException)
        {
            await broken.CancelAsync();
        }
    }

    private async Task ReceiveAsync(Stream stream, CancellationToken cancellationToken)
    {
        byte[] header = new byte[sizeof(int)];
        byte[] body = [];
        while (await stream.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, cancellationToken) == header.Length)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(header);
            if (length is < 1 or > LiveMessages.MaxMessageBytes)
            {
                throw new IOException($"a message of {length} bytes");
            }

            if (body.Length < length)
            {
                body = new byte[Math.Max(length, 4096)];
            }

            await stream.ReadExactlyAsync(body.AsMemory(0, length), cancellationToken);
            Take((LiveMessageKind)body[0], body.AsSpan(1, length - 1));
        }
    }

    private void Take(LiveMessageKind kind, ReadOnlySpan<byte> body)
    {
        switch (kind)
        {
            case LiveMessageKind.Entries:
                foreach (LogEntry entry in LogCodec.Decode(body))
                {
                    Find(entry.Generation)?.Add(entry, _waker);
                }

                _waker.Wake();
                break;
            case LiveMessageKind.Ended:
                Find(LogCodec.ReadId(body))?.End(LiveMessages.ReadEnd(body));
                break;
            case LiveMessageKind.Embedded:
                EmbeddingOutcome outcome = EmbeddingCodec.DecodeOutcome(body[LogCodec.IdBytes..]);
                lock (_lock)
                {
                    _embeddings.Answer(LogCodec.ReadId(body), outcome);
                }

                break;
            case LiveMessageKind.Gone:
                Find(LogCodec.ReadId(body))?.Wake();
                break;
        }
    }

    private FollowedGeneration? Find(GenerationId id)
    {
        lock (_lock)
        {
            return _followed.GetValueOrDefault(id);
        }
    }

    /// <summary>What was followed here is looked up in the store; what was to be embedded goes to another silo.</summary>
    private void Break()
    {
        FollowedGeneration[] followed;
        lock (_lock)
        {
            _requests = null;
            _embeddings.Fail();
            followed = [.. _followed.Values];
        }

        Array.ForEach(followed, generation => generation.Wake());
    }
}
