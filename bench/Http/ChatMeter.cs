using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics;
using System.Text;

namespace GlmCluster.Bench.Http;

/// <summary>Reads one streamed chat for its counts and times. It looks for a few marks in the bytes instead of reading JSON: the clients share the server's processors.</summary>
/// <param name="start">Timestamp of the request.</param>
internal sealed class ChatMeter(long start)
{
    private readonly LineAssembler _lines = new();
    private readonly List<ContentPiece> _pieces = new(128);
    private readonly ArrayBufferWriter<byte> _content = new(1024);
    private bool _isDone;

    /// <summary>From the request to the first content.</summary>
    public TimeSpan First { get; private set; }

    /// <summary>From each piece of content to the next.</summary>
    public IEnumerable<TimeSpan> Gaps => _pieces.Skip(1).Zip(_pieces, (piece, before) => Stopwatch.GetElapsedTime(before.Arrival, piece.Arrival));

    /// <summary>All pieces, as they came.</summary>
    public IReadOnlyList<ContentPiece> Pieces => _pieces;

    /// <summary>All content, escaped as in JSON.</summary>
    public string Content => Encoding.UTF8.GetString(_content.WrittenSpan);

    /// <summary>Generated tokens: what the server says it used, else one for each piece of content.</summary>
    public int Tokens { get; private set; }

    public int PromptTokens { get; private set; }

    /// <summary>Takes a part of the stream.</summary>
    /// <exception cref="BenchException">The server reports an error.</exception>
    public void Push(ReadOnlySpan<byte> body)
    {
        long now = Stopwatch.GetTimestamp();
        while (_lines.TryTake(ref body, out ReadOnlySpan<byte> line))
        {
            if (line.StartsWith("data:"u8))
            {
                TakeEvent(line["data:"u8.Length..].TrimStart((byte)' '), now);
            }
        }
    }

    /// <exception cref="BenchException">The stream is not complete.</exception>
    public void Finish()
    {
        if (!_isDone || First == TimeSpan.Zero)
        {
            throw new BenchException($"A stream ended early: {_pieces.Count} pieces of content came{(_isDone ? "" : " and no [DONE]")}.");
        }

        if (Tokens == 0)
        {
            Tokens = _pieces.Count;
        }
    }

    private void TakeEvent(ReadOnlySpan<byte> data, long now)
    {
        if (data.StartsWith("[DONE]"u8))
        {
            _isDone = true;
        }
        else if (data.StartsWith("{\"error\""u8))
        {
            throw new BenchException($"The server ended a stream with an error: {Encoding.UTF8.GetString(data)}");
        }
        else if (FindContent(data) is { IsEmpty: false } content)
        {
            NoteContent(content, now);
        }

        if (FindNumber(data, "\"completion_tokens\":"u8) is int tokens)
        {
            Tokens = tokens;
            PromptTokens = FindNumber(data, "\"prompt_tokens\":"u8) ?? 0;
        }
    }

    private void NoteContent(ReadOnlySpan<byte> content, long now)
    {
        if (First == TimeSpan.Zero)
        {
            First = Stopwatch.GetElapsedTime(start, now);
        }

        _pieces.Add(new ContentPiece(now, content.Length));
        _content.Write(content);
    }

    /// <summary>The first string of <c>content</c> (or <c>reasoning_content</c>) that is not empty. Quotes inside strings are escaped, so text cannot look like it.</summary>
    private static ReadOnlySpan<byte> FindContent(ReadOnlySpan<byte> data)
    {
        ReadOnlySpan<byte> key = "content\":"u8;
        for (int at = data.IndexOf(key); at >= 0; at = data.IndexOf(key))
        {
            data = data[(at + key.Length)..].TrimStart((byte)' ');
            if (data is [(byte)'"', not (byte)'"', ..])
            {
                return data[1..EndOfString(data)];
            }
        }

        return [];
    }

    /// <summary>Index of the quote that ends a string which begins at 0; the end of the data where none does.</summary>
    private static int EndOfString(ReadOnlySpan<byte> data)
    {
        for (int at = 1; at < data.Length; at++)
        {
            switch (data[at])
            {
                case (byte)'"':
                    return at;
                case (byte)'\\':
                    at++;
                    break;
            }
        }

        return data.Length;
    }

    private static int? FindNumber(ReadOnlySpan<byte> data, ReadOnlySpan<byte> key)
    {
        int at = data.IndexOf(key);
        return at >= 0 && Utf8Parser.TryParse(data[(at + key.Length)..].TrimStart((byte)' '), out int number, out _) ? number : null;
    }
}
