using System.Text;

namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>Text that remembers of every character whether the template wrote it or it came from the data, through all operations.</summary>
/// <remarks>Immutable. Two texts are equal when their characters are; where they came from does not count.</remarks>
internal sealed class MarkedText : IEquatable<MarkedText>
{
    public static readonly MarkedText Empty = FromTemplate("");

    private readonly ReadOnlyMemory<bool> _isData; // shape (Length,); empty: no character is data

    private MarkedText(string text, ReadOnlyMemory<bool> isData)
    {
        Text = text;
        _isData = isData;
    }

    public string Text { get; }

    public int Length => Text.Length;

    public static MarkedText FromTemplate(string text) => new(text, default);

    public static MarkedText FromData(string text)
    {
        var isData = new bool[text.Length];
        Array.Fill(isData, true);
        return new MarkedText(text, isData);
    }

    /// <summary>Whether any of the characters in the range is data.</summary>
    public bool HasData(int start, int length) => !_isData.IsEmpty && _isData.Span.Slice(start, length).Contains(true);

    public MarkedText Slice(int start, int length) =>
        new(Text.Substring(start, length), _isData.IsEmpty ? default : _isData.Slice(start, length));

    public MarkedText Trim(string? characters, bool atStart, bool atEnd)
    {
        int start = 0;
        int end = Length;
        while (atStart && start < end && IsTrimmed(Text[start], characters))
        {
            start++;
        }

        while (atEnd && end > start && IsTrimmed(Text[end - 1], characters))
        {
            end--;
        }

        return Slice(start, end - start);
    }

    /// <summary>Parts between the separators; at most <paramref name="most"/> cuts, all where it is negative.</summary>
    public List<MarkedText> Split(string separator, int most)
    {
        List<MarkedText> parts = [];
        int start = 0;
        while (most < 0 || parts.Count < most)
        {
            int cut = Text.IndexOf(separator, start, StringComparison.Ordinal);
            if (cut < 0)
            {
                break;
            }

            parts.Add(Slice(start, cut - start));
            start = cut + separator.Length;
        }

        parts.Add(Slice(start, Length - start));
        return parts;
    }

    /// <summary>Parts between runs of white space, none of them empty.</summary>
    public List<MarkedText> SplitAtWhiteSpace()
    {
        List<MarkedText> parts = [];
        int start = 0;
        for (int i = 0; i <= Length; i++)
        {
            if (i == Length || char.IsWhiteSpace(Text[i]))
            {
                if (i > start)
                {
                    parts.Add(Slice(start, i - start));
                }

                start = i + 1;
            }
        }

        return parts;
    }

    public MarkedText Replace(string old, MarkedText replacement) =>
        old.Length == 0 ? this : MarkedTextBuilder.Join(Split(old, -1), replacement);

    /// <summary>Maps every character to one other.</summary>
    public MarkedText Map(Func<char, int, char> map) =>
        new(string.Create(Length, (Text, map), static (target, state) =>
        {
            for (int i = 0; i < target.Length; i++)
            {
                target[i] = state.map(state.Text[i], i);
            }
        }), _isData);

    public bool Equals(MarkedText? other) => other is not null && Text == other.Text;

    public override bool Equals(object? obj) => Equals(obj as MarkedText);

    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Text;

    internal void AppendTo(StringBuilder text, List<bool> isData)
    {
        text.Append(Text);
        if (_isData.IsEmpty)
        {
            isData.AddRange(Enumerable.Repeat(false, Length));
        }
        else
        {
            isData.AddRange(_isData.Span);
        }
    }

    internal static MarkedText Create(string text, bool[] isData) => new(text, isData);

    private static bool IsTrimmed(char character, string? characters) =>
        characters?.Contains(character, StringComparison.Ordinal) ?? char.IsWhiteSpace(character);
}

/// <summary>Collects a <see cref="MarkedText"/>.</summary>
internal sealed class MarkedTextBuilder
{
    private readonly StringBuilder _text = new();
    private readonly List<bool> _isData = [];

    public int Length => _text.Length;

    public static MarkedText Join(IEnumerable<MarkedText> parts, MarkedText separator)
    {
        var builder = new MarkedTextBuilder();
        bool isFirst = true;
        foreach (MarkedText part in parts)
        {
            if (!isFirst)
            {
                builder.Append(separator);
            }

            builder.Append(part);
            isFirst = false;
        }

        return builder.Build();
    }

    public void Append(MarkedText text) => text.AppendTo(_text, _isData);

    public MarkedText Build() => MarkedText.Create(_text.ToString(), [.. _isData]);
}
