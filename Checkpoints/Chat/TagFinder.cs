using System.Text;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>Passes text on until a tag is complete, holding back what may begin it and the line feeds in front of it.</summary>
/// <param name="tag">Starts with a character that it has nowhere else.</param>
internal sealed class TagFinder(string tag)
{
    private int _matched; // characters of the tag that the text ends with

    /// <summary>Line feeds right before the tag, or before what may become it.</summary>
    public int LineFeeds { get; private set; }

    /// <summary>Takes text up to the end of the tag; what is no part of it goes to the target.</summary>
    /// <returns>Characters taken. All of them, and <paramref name="isFound"/> false: the tag is not complete.</returns>
    public int Push(ReadOnlySpan<char> text, StringBuilder target, out bool isFound)
    {
        isFound = false;
        for (int i = 0; i < text.Length; i++)
        {
            if (LineFeeds == 0 && _matched == 0)
            {
                int plain = text[i..].IndexOfAny('\n', tag[0]);
                plain = plain < 0 ? text.Length - i : plain;
                target.Append(text.Slice(i, plain));
                i += plain;
                if (i == text.Length)
                {
                    break;
                }
            }

            if (Step(text[i], target))
            {
                isFound = true;
                return i + 1;
            }
        }

        return text.Length;
    }

    /// <summary>Gives out what is held back.</summary>
    public void Flush(StringBuilder target)
    {
        target.Append('\n', LineFeeds).Append(tag, 0, _matched);
        Restart();
    }

    /// <summary>Looks for the tag anew.</summary>
    public void Restart()
    {
        LineFeeds = 0;
        _matched = 0;
    }

    private bool Step(char next, StringBuilder target)
    {
        if (next == tag[_matched])
        {
            return ++_matched == tag.Length;
        }

        if (next == '\n' && _matched == 0)
        {
            LineFeeds++;
            return false;
        }

        Flush(target);
        if (next == '\n')
        {
            LineFeeds = 1;
        }
        else if (next == tag[0])
        {
            _matched = 1;
        }
        else
        {
            target.Append(next);
        }

        return false;
    }
}
