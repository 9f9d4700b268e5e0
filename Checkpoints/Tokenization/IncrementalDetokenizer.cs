using System.Buffers;
using System.Text.Unicode;

namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>
/// Turns ids into text one by one. Text comes out as soon as its characters are complete, and together it is what UTF-8
/// decoding of all bytes at once gives: every invalid part becomes U+FFFD, special tokens print nothing.
/// </summary>
/// <param name="tokenizer">Knows the pieces.</param>
/// <param name="continues">
/// Whether earlier text stands before the ids. If not, the blank that a SentencePiece tokenizer puts before a text is dropped.
/// </param>
/// <remarks>One reader at a time. Allocates only until its buffers fit the longest piece.</remarks>
public sealed class IncrementalDetokenizer(ITokenizer tokenizer, bool continues = false)
{
    private byte[] _bytes = new byte[256]; // an incomplete character at the start, then the piece
    private char[] _chars = new char[256];
    private int _pendingBytes;
    private bool _startsText = !continues;

    /// <summary>Whether no character is begun and not yet complete.</summary>
    public bool IsComplete => _pendingBytes == 0;

    /// <summary>Takes the next id and returns the text that it completes, valid until the next call.</summary>
    public ReadOnlySpan<char> Push(int id)
    {
        ReadOnlySpan<byte> piece = tokenizer.GetBytes(id, ref _startsText);
        return piece.IsEmpty ? [] : Decode(piece, isEnd: false);
    }

    /// <summary>Ends the text: an incomplete character becomes U+FFFD. The next push begins a new text.</summary>
    public ReadOnlySpan<char> Finish()
    {
        _startsText = true;
        return Decode([], isEnd: true);
    }

    private ReadOnlySpan<char> Decode(ReadOnlySpan<byte> piece, bool isEnd)
    {
        int length = _pendingBytes + piece.Length;
        if (length > _bytes.Length)
        {
            Array.Resize(ref _bytes, length * 2);
            _chars = new char[_bytes.Length]; // UTF-16 never has more units than UTF-8 has bytes
        }

        piece.CopyTo(_bytes.AsSpan(_pendingBytes));
        OperationStatus status = Utf8.ToUtf16(
            _bytes.AsSpan(0, length), _chars, out int bytesRead, out int charsWritten, replaceInvalidSequences: true, isFinalBlock: isEnd);
        System.Diagnostics.Debug.Assert(status is OperationStatus.Done or OperationStatus.NeedMoreData, "The buffer fits any piece.");

        _pendingBytes = length - bytesRead;
        _bytes.AsSpan(bytesRead, _pendingBytes).CopyTo(_bytes);
        return _chars.AsSpan(0, charsWritten);
    }
}
