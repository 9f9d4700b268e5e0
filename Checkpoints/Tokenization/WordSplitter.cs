using System.Buffers;
using System.Globalization;
using System.Text;

namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>
/// Cuts text into words as BERT does: control characters are dropped, white space separates, punctuation and CJK ideographs stand alone;
/// where the model says so, letters become lower case without accents.
/// </summary>
/// <remarks>After <c>BasicTokenizer</c> of google-research/bert.</remarks>
internal ref struct WordSplitter(ReadOnlySpan<char> text, bool lowersCase, Span<char> word)
{
    /// <summary>Words of more characters are not looked up.</summary>
    public const int MaximumCharacters = 100;

    /// <summary>Room that a word needs: one character too many, and the longest expansion.</summary>
    public const int BufferLength = 2 * (MaximumCharacters + 4);

    private static readonly SearchValues<char> Blanks = SearchValues.Create(" \t\n\r");

    private readonly Span<char> _word = word;
    private ReadOnlySpan<char> _rest = text;
    private int _length;
    private int _characters;
    private bool _isComplete; // what is in the word stands alone

    /// <summary>The word, cut off where <see cref="IsTooLong"/>.</summary>
    public readonly ReadOnlySpan<char> Current => _word[.._length];

    public readonly bool IsTooLong => _characters > MaximumCharacters;

    public bool MoveNext()
    {
        (_length, _characters, _isComplete) = (0, 0, false);
        int start = _rest.IndexOfAnyExcept(Blanks);
        _rest = start < 0 ? [] : _rest[start..];
        while (!_rest.IsEmpty && !_isComplete)
        {
            Rune.DecodeFromUtf16(_rest, out Rune next, out int width);
            if (!TryTake(next))
            {
                return true; // it begins the next word
            }

            _rest = _rest[width..];
        }

        return _characters > 0;
    }

    /// <summary>Adds a character to the word, or ends the word before it.</summary>
    private bool TryTake(Rune next)
    {
        if (next.IsAscii && next.Value > ' ' && next.Value < 0x7F)
        {
            return TryAppend(lowersCase ? Rune.ToLowerInvariant(next) : next, !Rune.IsLetterOrDigit(next));
        }

        if (IsIdeograph(next.Value))
        {
            return TryAppend(lowersCase && Unaccented.Find(next) is string unified ? Rune.GetRuneAt(unified, 0) : next, standsAlone: true);
        }

        if (next.Value is not ('\t' or '\n' or '\r') && (next == Rune.ReplacementChar || Rune.GetUnicodeCategory(next) is
            UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned))
        {
            return true; // dropped
        }

        if (Rune.IsWhiteSpace(next))
        {
            _isComplete = _characters > 0;
            return true;
        }

        return lowersCase ? TryTakeUnaccented(next) : TryAppend(next, IsPunctuation(next));
    }

    private bool TryTakeUnaccented(Rune next)
    {
        if (Unaccented.Find(next) is not string left)
        {
            return Rune.GetUnicodeCategory(next) == UnicodeCategory.NonSpacingMark || TryAppend(Rune.ToLowerInvariant(next), IsPunctuation(next));
        }

        // Nothing that decomposes to several characters has punctuation among them.
        foreach (Rune part in left.EnumerateRunes())
        {
            if (!TryAppend(Rune.ToLowerInvariant(part), IsPunctuation(part)))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryAppend(Rune character, bool standsAlone)
    {
        if (standsAlone && _characters > 0)
        {
            return false;
        }

        _isComplete = standsAlone;
        _characters++;
        if (!IsTooLong)
        {
            _length += character.EncodeToUtf16(_word[_length..]);
        }

        return true;
    }

    private static bool IsPunctuation(Rune character) =>
        character.IsAscii ? character.Value > ' ' && !Rune.IsLetterOrDigit(character) : Rune.IsPunctuation(character);

    /// <summary>The blocks that BERT counts as CJK ideographs; Hangul and kana are not among them.</summary>
    private static bool IsIdeograph(int value) => value is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0xF900 and <= 0xFAFF)
        or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2CEAF) or (>= 0x2F800 and <= 0x2FA1F);
}
