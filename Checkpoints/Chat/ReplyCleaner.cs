using System.Text;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>
/// What ChatGLM's own code does to every reply: white space at both ends goes, and the mark <c>[[训练时间]]</c>, which the models
/// were taught to write for the time of their training, becomes 2023年.
/// </summary>
/// <remarks>Holds back what may be the end or the mark. Takes one character at a time, so splits of the text change nothing.</remarks>
internal sealed class ReplyCleaner
{
    private const string Mark = "[[训练时间]]";
    private const string MarkMeans = "2023年";

    private readonly StringBuilder _blanks = new(); // may be the end
    private readonly StringBuilder _mark = new(); // may become the mark
    private bool _hasText;
    private bool _skipsBlanks = true;

    public void Push(char next, StringBuilder text)
    {
        if (char.IsWhiteSpace(next))
        {
            Flush(text);
            _ = _skipsBlanks ? _blanks : _blanks.Append(next);
            return;
        }

        (_hasText, _skipsBlanks) = (true, false);
        text.Append(_blanks);
        _blanks.Clear();
        _mark.Append(next);
        while (!MayBecomeMark())
        {
            text.Append(_mark[0]);
            _mark.Remove(0, 1);
        }

        if (_mark.Length == Mark.Length)
        {
            text.Append(MarkMeans);
            _mark.Clear();
        }
    }

    /// <summary>Ends a part of the text: white space around the place becomes one line feed, or nothing where there is no text on both sides.</summary>
    public void EndPart(StringBuilder text)
    {
        Flush(text);
        _blanks.Clear();
        _ = _hasText ? _blanks.Append('\n') : _blanks;
        _skipsBlanks = true;
    }

    /// <summary>Ends the text.</summary>
    public void Finish(StringBuilder text) => Flush(text);

    private void Flush(StringBuilder text)
    {
        text.Append(_mark);
        _mark.Clear();
    }

    private bool MayBecomeMark()
    {
        for (int i = 0; i < _mark.Length; i++)
        {
            if (_mark[i] != Mark[i])
            {
                return false;
            }
        }

        return true;
    }
}
