using System.Buffers;

namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>Makes of a text what its pieces are cut from: characters replaced, blanks collapsed where the model says so, written as <c>▁</c>.</summary>
/// <remarks>After normalizer.cc of google/sentencepiece. User-defined pieces are found before any rule and pass through as they are.</remarks>
internal sealed class SentencePieceNormalizer
{
    private readonly CharacterMap _map;
    private readonly PieceTrie _userDefined;
    private readonly bool _addsBlank;
    private readonly bool _collapsesBlanks;

    /// <exception cref="CheckpointException">The file's rules are damaged.</exception>
    public SentencePieceNormalizer(SentencePieceFile file, PieceTrie userDefined)
    {
        _userDefined = userDefined;
        _addsBlank = file.AddsBlank;
        _collapsesBlanks = file.CollapsesBlanks;
        try
        {
            _map = CharacterMap.Read(file.CharacterMap);
        }
        catch (InvalidDataException e)
        {
            throw file.Invalid(e.Message);
        }
    }

    /// <param name="text">Well-formed UTF-16.</param>
    public ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text)
    {
        var output = new ArrayBufferWriter<char>(text.Length + 1);
        bool afterBlank = _collapsesBlanks;
        bool isStart = true; // blanks at the start are dropped before the one that is added
        while (!text.IsEmpty)
        {
            ReadOnlySpan<char> part = Next(text, out int length);
            text = text[length..];
            if (isStart && _collapsesBlanks && part is " ")
            {
                continue;
            }

            if (isStart && _addsBlank)
            {
                output.Write([SentencePiece.Blank]);
            }

            isStart = false;
            part = afterBlank ? part.TrimStart(' ') : part;
            part.Replace(output.GetSpan(part.Length), ' ', SentencePiece.Blank);
            output.Advance(part.Length);
            afterBlank = _collapsesBlanks && (part.IsEmpty ? afterBlank : part[^1] == ' ');
        }

        return _collapsesBlanks ? output.WrittenSpan.TrimEnd(SentencePiece.Blank) : output.WrittenSpan;
    }

    /// <summary>What the text's beginning becomes, and its length.</summary>
    private ReadOnlySpan<char> Next(ReadOnlySpan<char> text, out int length)
    {
        if (_userDefined.MayStart(text[0]) && _userDefined.TryFindLongest(text, out length, out _))
        {
            return text[..length];
        }

        if (_map.TryReplace(text, out length, out string replacement))
        {
            return replacement;
        }

        length = 1;
        while (length < text.Length && IsPlain(text[length]))
        {
            length++;
        }

        return text[..length];
    }

    /// <summary>Whether a unit stays as it is whatever stands around it.</summary>
    private bool IsPlain(char unit) => !(unit == ' ' && _collapsesBlanks) && !_userDefined.MayStart(unit) && !_map.MayReplace(unit);
}
