using System.Text;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>
/// Reads the replies of ChatGLM-6B and ChatGLM2, which are text. ChatGLM-6B's tokenizer turns Chinese punctuation into ASCII, so its code turns
/// <c>, ! : ; ?</c> beside a Chinese character back.
/// </summary>
internal sealed class RoundsReplyParser(bool restoresPunctuation) : IReplyParser
{
    private const string Ascii = ",!:;?";
    private const string Chinese = "，！：；？";

    private readonly ReplyCleaner _cleaner = new();
    private readonly StringBuilder _clean = new();
    private bool _afterIdeograph;
    private char _held; // punctuation whose next character decides; none: '\0'

    public void Push(ReadOnlySpan<char> text, StringBuilder content, StringBuilder reasoning)
    {
        ArgumentNullException.ThrowIfNull(content);
        foreach (char next in text)
        {
            _cleaner.Push(next, _clean);
        }

        TakeClean(content);
    }

    public IReadOnlyList<ChatToolCall> Finish(StringBuilder content, StringBuilder reasoning)
    {
        ArgumentNullException.ThrowIfNull(content);
        _cleaner.Finish(_clean);
        TakeClean(content);
        Release(beforeIdeograph: false, content);
        return [];
    }

    private void TakeClean(StringBuilder content)
    {
        foreach (ReadOnlyMemory<char> part in _clean.GetChunks())
        {
            foreach (char next in part.Span)
            {
                Restore(next, content);
            }
        }

        _clean.Clear();
    }

    private void Restore(char next, StringBuilder content)
    {
        bool isIdeograph = next is >= '\u4E00' and <= '\u9FFF';
        Release(isIdeograph, content);
        int mark = restoresPunctuation ? Ascii.IndexOf(next, StringComparison.Ordinal) : -1;
        if (mark >= 0 && !_afterIdeograph)
        {
            _held = next;
        }
        else
        {
            content.Append(mark >= 0 ? Chinese[mark] : next);
        }

        _afterIdeograph = isIdeograph;
    }

    private void Release(bool beforeIdeograph, StringBuilder content)
    {
        if (_held != '\0')
        {
            content.Append(beforeIdeograph ? Chinese[Ascii.IndexOf(_held, StringComparison.Ordinal)] : _held);
            _held = '\0';
        }
    }
}
