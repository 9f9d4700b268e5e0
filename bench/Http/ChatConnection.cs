using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace GlmCluster.Bench.Http;

/// <summary>One client: a connection for each of its chats, one after the other.</summary>
internal sealed class ChatConnection : IDisposable
{
    private ResponseReader _response = new();
    private ChatMeter _meter = new(start: 0);
    private readonly StringBuilder _refusal = new(); // body of a response that is no stream
    private Uri? _url;

    /// <summary>Index of the request that was sent last.</summary>
    public int Request { get; private set; }

    /// <summary>Open while a chat runs.</summary>
    public Socket? Socket { get; private set; }

    /// <summary>Sends a request and starts to measure.</summary>
    /// <exception cref="BenchException">The server cannot be reached.</exception>
    public void Start(ChatRequest request)
    {
        (Request, _url) = (request.Index, request.Server);
        (_response, _meter) = (new ResponseReader(), new ChatMeter(Stopwatch.GetTimestamp()));
        try
        {
            Socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            Socket.Connect(_url.Host, _url.Port);
            Socket.Send(request.Bytes);
        }
        catch (SocketException fault)
        {
            throw new BenchException($"{_url} cannot be reached: {fault.Message}");
        }
    }

    /// <summary>Takes what has arrived.</summary>
    /// <param name="buffer">Scratch memory.</param>
    /// <returns>The chat's measurements once it is complete; else null.</returns>
    /// <exception cref="BenchException">The stream broke or is not what it should be.</exception>
    public ChatMeter? Receive(Span<byte> buffer)
    {
        int count = Socket!.Receive(buffer, SocketFlags.None, out SocketError error);
        if (count == 0 || error != SocketError.Success)
        {
            if (!_response.EndsWithClose)
            {
                throw new BenchException($"{_url} closed a connection in the middle of a response ({error}).");
            }

            return Complete();
        }

        ReadOnlySpan<byte> arrived = buffer[..count];
        while (_response.TryReadBody(ref arrived, out ReadOnlySpan<byte> body))
        {
            if (_response.Status == 200)
            {
                _meter.Push(body);
            }
            else
            {
                _refusal.Append(Encoding.UTF8.GetString(body));
            }
        }

        return _response.IsComplete ? Complete() : null;
    }

    public void Dispose()
    {
        Socket?.Dispose();
        Socket = null;
    }

    private ChatMeter Complete()
    {
        if (_response.Status != 200)
        {
            throw new BenchException($"{_url} answers with status {_response.Status}: {_refusal}");
        }

        _meter.Finish();
        Dispose(); // some servers close a connection after a stream without saying so
        return _meter;
    }
}
