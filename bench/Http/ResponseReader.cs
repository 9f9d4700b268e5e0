using System.Buffers.Text;
using System.Text;

namespace GlmCluster.Bench.Http;

/// <summary>Takes one HTTP/1.1 response apart as its bytes arrive: status, headers, and a body of chunks, of a known length, or up to the close.</summary>
internal sealed class ResponseReader
{
    private const long Chunked = -1;
    private const long Unknown = -2;

    private readonly LineAssembler _lines = new();
    private State _state;
    private long _left; // body bytes until the state changes

    private enum State
    {
        StatusLine,
        Headers,
        ChunkLength,
        Chunk,
        ChunkEnd,
        Trailers,
        Body,
        BodyUntilClose,
        Complete,
    }

    public int Status { get; private set; }

    /// <summary>Whether the response said its end and has reached it.</summary>
    public bool IsComplete => _state == State.Complete;

    /// <summary>Whether the close of the connection is the body's end.</summary>
    public bool EndsWithClose => _state == State.BodyUntilClose;

    /// <summary>Takes the next part of the body off the front of what arrived; false: nothing more of it is there.</summary>
    /// <exception cref="BenchException">It is not HTTP.</exception>
    public bool TryReadBody(ref ReadOnlySpan<byte> arrived, out ReadOnlySpan<byte> body)
    {
        body = [];
        while (!arrived.IsEmpty && !IsComplete)
        {
            if (_state is State.Chunk or State.Body or State.BodyUntilClose)
            {
                int count = (int)Math.Min(arrived.Length, _left);
                body = arrived[..count];
                arrived = arrived[count..];
                Pass(count);
                return true;
            }

            if (_lines.TryTake(ref arrived, out ReadOnlySpan<byte> line))
            {
                TakeLine(line);
            }
        }

        return false;
    }

    private void Pass(int bodyBytes)
    {
        _left -= _state == State.BodyUntilClose ? 0 : bodyBytes;
        if (_left == 0)
        {
            _state = _state == State.Chunk ? State.ChunkEnd : State.Complete;
        }
    }

    private void TakeLine(ReadOnlySpan<byte> line)
    {
        switch (_state)
        {
            case State.StatusLine:
                TakeStatus(line);
                break;
            case State.Headers when line.IsEmpty:
                (_state, _left) = _left switch
                {
                    Chunked => (State.ChunkLength, 0),
                    Unknown => (State.BodyUntilClose, long.MaxValue),
                    0 => (State.Complete, 0),
                    _ => (State.Body, _left),
                };
                break;
            case State.Headers:
                TakeHeader(line);
                break;
            case State.ChunkLength:
                _left = Utf8Parser.TryParse(line, out long length, out _, 'x') ? length : throw NotHttp(line);
                _state = length > 0 ? State.Chunk : State.Trailers;
                break;
            case State.ChunkEnd:
                _state = State.ChunkLength;
                break;
            case State.Trailers when line.IsEmpty:
                _state = State.Complete;
                break;
        }
    }

    private void TakeStatus(ReadOnlySpan<byte> line)
    {
        Status = line.StartsWith("HTTP/1."u8) && line.Length >= 12 && Utf8Parser.TryParse(line[9..12], out int status, out _)
            ? status
            : throw NotHttp(line);
        _state = State.Headers;
        _left = Unknown;
    }

    private void TakeHeader(ReadOnlySpan<byte> line)
    {
        string header = Encoding.Latin1.GetString(line);
        string value = header[(header.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        if (header.StartsWith("Transfer-Encoding:", StringComparison.OrdinalIgnoreCase) && value.EndsWith("chunked", StringComparison.OrdinalIgnoreCase))
        {
            _left = Chunked;
        }
        else if (header.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
        {
            _left = long.TryParse(value, out long length) ? length : throw NotHttp(line);
        }
    }

    private static BenchException NotHttp(ReadOnlySpan<byte> line) =>
        new($"The server does not speak HTTP/1.1: \"{Encoding.Latin1.GetString(line[..Math.Min(80, line.Length)])}\".");
}
