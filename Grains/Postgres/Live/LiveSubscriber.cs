using System.Buffers;
using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Logs;

namespace GlmCluster.Grains.Postgres.Live;

/// <summary>One gateway at a silo. What was written while a message was in flight goes in the next one, so a slow gateway costs no memory.</summary>
internal sealed class LiveSubscriber : IDisposable
{
    private readonly LiveFeed _feed;
    private readonly Stream _requests;
    private readonly Stream _messages;
    private readonly LiveEmbeddings _embeddings;
    private readonly AsyncSignal _changed = new();
    private readonly Lock _lock = new(); // guards _followed
    private readonly Dictionary<GenerationId, Followed> _followed = [];
    private readonly CancellationTokenSource _left = new();

    public LiveSubscriber(LiveFeed feed, Stream requests, Stream messages)
    {
        (_feed, _requests, _messages) = (feed, requests, messages);
        _embeddings = new LiveEmbeddings(feed.Embedders, _changed);
    }

    public void Signal() => _changed.Set();

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _left.Token);
        using CancellationTokenRegistration wake = both.Token.Register(_changed.Set);
        Task reading = ReadAsync(both.Token);
        try
        {
            var output = new ArrayBufferWriter<byte>(4096);
            await _messages.FlushAsync(both.Token); // the gateway sees that it is connected
            while (!both.IsCancellationRequested)
            {
                await _changed.WaitAsync();
                Collect(output);
                if (output.WrittenCount > 0)
                {
                    await _messages.WriteAsync(output.WrittenMemory, both.Token);
                    await _messages.FlushAsync(both.Token);
                    output.ResetWrittenCount();
                }
            }
        }
        catch (Exception left) when (left is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The gateway left, or this silo stops.
        }
        finally
        {
            await _left.CancelAsync();
            await reading;
        }
    }

    public void Dispose() => _left.Dispose();

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        byte[] request = new byte[LiveMessages.RequestBytes];
        try
        {
            while (await _requests.ReadAtLeastAsync(request, request.Length, throwOnEndOfStream: false, cancellationToken) == request.Length)
            {
                (LiveRequestKind kind, GenerationId id, long number) = LiveMessages.ReadRequest(request);
                await TakeAsync(kind, id, number, cancellationToken);
                _changed.Set();
            }
        }
        catch (Exception left) when (left is IOException or InvalidDataException or OperationCanceledException or ObjectDisposedException)
        {
        }

        await _left.CancelAsync();
    }

    /// <param name="number">Tokens that the gateway has, or bytes of the request's body.</param>
    private async Task TakeAsync(LiveRequestKind kind, GenerationId id, long number, CancellationToken cancellationToken)
    {
        switch (kind)
        {
            case LiveRequestKind.Embed:
                if (number is < 1 or > LiveMessages.MaxMessageBytes)
                {
                    throw new InvalidDataException($"A request has {number} bytes.");
                }

                byte[] body = new byte[number];
                await _requests.ReadExactlyAsync(body, cancellationToken);
                _embeddings.Start(id, body, cancellationToken);
                break;
            case LiveRequestKind.CancelEmbed:
                _embeddings.Cancel(id);
                break;
            default:
                lock (_lock)
                {
                    if (kind == LiveRequestKind.Follow)
                    {
                        _followed[id] = new Followed { Position = (int)Math.Clamp(number, 0, int.MaxValue) };
                    }
                    else
                    {
                        _followed.Remove(id);
                    }
                }

                break;
        }
    }

    private void Collect(ArrayBufferWriter<byte> output)
    {
        _embeddings.Collect(output);
        var entries = new List<LogEntry>();
        var over = new List<(GenerationId Id, GenerationEnd? End)>();
        lock (_lock)
        {
            foreach ((GenerationId id, Followed followed) in _followed)
            {
                // One that is not here yet is about to come: its worker has not picked it up.
                followed.Log ??= _feed.Find(id);
                if (followed.Log is not { } log)
                {
                    continue;
                }

                // In this order: what is in the log when it ended or closed is all there will be.
                GenerationEnd? end = log.Ended;
                bool isClosed = log.IsClosed;
                if (log.Count > followed.Position)
                {
                    ImmutableArray<LogEntry> added = log.EntriesAfter(followed.Position, id);
                    entries.AddRange(added);
                    followed.Position = (int)added[^1].FirstSeq + added[^1].Ids.Length - 1;
                }

                if (end is not null || isClosed)
                {
                    over.Add((id, end));
                }
            }

            over.ForEach(one => _followed.Remove(one.Id));
        }

        if (entries.Count > 0)
        {
            LiveMessages.WriteEntries(output, entries);
        }

        foreach ((GenerationId id, GenerationEnd? end) in over)
        {
            if (end is null)
            {
                LiveMessages.WriteGone(output, id);
            }
            else
            {
                LiveMessages.WriteEnd(output, id, end);
            }
        }
    }

    private sealed class Followed
    {
        public TokenLog? Log { get; set; }

        public int Position { get; set; }
    }
}
