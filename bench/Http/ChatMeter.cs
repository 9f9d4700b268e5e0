using System.Buffers.Text;
using System.Diagnostics;
using System.Text;

namespace GlmCluster.Bench.Http;

/// <summary>Reads one streamed chat for its counts and times. It looks for a few marks in the bytes instead of reading JSON: the clients share the server's processors.</summary>
/// <param name="start">Timestamp of the request.</param>
internal sealed class ChatMeter(long start)
{
    private readonly LineAssembler _lines = new();
    private long _last; // timestamp of the latest content
    private bool _isDone;

    /// <summary>From the request to the first content.</summary>
    public TimeSpan First { get; private set; }

    /// <summary>From each piece of content to the next.</summary>
    public List<TimeSpan> Gaps { get; } = new(128);

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
            throw new BenchException($"A stream ended early: {Gaps.Count} pieces of content came{(_isDone ? "" : " and no [DONE]")}.");
        }

        if (Tokens == 0)
        {
            Tokens = Gaps.Count + 1;
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
        else if (HasContent(data))
        {
            NoteContent(now);
        }

        if (FindNumber(data, "\"completion_tokens\":"u8) is int tokens)
        {
            Tokens = tokens;
            PromptTokens = FindNumber(data, "\"prompt_tokens\":"u8) ?? 0;
        }
    }

    private void NoteContent(long now)
    {
        if (First == TimeSpan.Zero)
        {
            First = Stopwatch.GetElapsedTime(start, now);
        }
        else
        {
            Gaps.Add(Stopwatch.GetElapsedTime(_last, now));
        }

        _last = now;
    }

    /// <summary>Whether <c>content</c> (or <c>reasoning_content</c>) is a string that is not empty. Quotes inside strings are escaped, so text cannot look like it.</summary>
    private static bool HasContent(ReadOnlySpan<byte> data)
    {
        ReadOnlySpan<byte> key = "content\":"u8;
        for (int at = data.IndexOf(key); at >= 0; at = data.IndexOf(key))
        {
            data = data[(at + key.Length)..].TrimStart((byte)' ');
            if (data is [(byte)'"', not (byte)'"', ..])
            {
                return true;
            }
        }

        return false;
    }

    private static int? FindNumber(ReadOnlySpan<byte> data, ReadOnlySpan<byte> key)
    {
        int at = data.IndexOf(key);
        return at >= 0 && Utf8Parser.TryParse(data[(at + key.Length)..].TrimStart((byte)' '), out int number, out _) ? number : null;
    }
}
