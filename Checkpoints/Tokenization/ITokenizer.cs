namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>Turns text into ids and back. Immutable and thread-safe.</summary>
public interface ITokenizer
{
    /// <summary>Ids of pieces and special tokens are below this; the model may have more rows.</summary>
    int Count { get; }

    /// <summary>Appends the ids of ordinary text. Text that looks like a special token stays ordinary characters.</summary>
    /// <remarks>A lone surrogate is encoded as U+FFFD.</remarks>
    void Encode(ReadOnlySpan<char> text, ICollection<int> ids);

    /// <summary>Texts of the special tokens.</summary>
    IReadOnlyCollection<string> SpecialTokens { get; }

    /// <summary>Finds a special token by its exact text.</summary>
    bool TryGetSpecialId(string token, out int id);

    /// <summary>The exact text of a special token, to show it to people; null: the id is none, or its text is not known.</summary>
    string? FindSpecialText(int id) => null;

    /// <summary>Whether the id prints nothing: a control token, or outside the vocabulary.</summary>
    bool IsSpecial(int id);

    /// <summary>Bytes of one piece, part of a UTF-8 text; empty for special and unknown ids.</summary>
    ReadOnlySpan<byte> GetBytes(int id);

    /// <summary>The same where a text may begin with the piece: without the blank that encoding puts before a text.</summary>
    /// <param name="id">The piece.</param>
    /// <param name="startsText">Whether nothing was printed before; false once something was.</param>
    ReadOnlySpan<byte> GetBytes(int id, ref bool startsText)
    {
        startsText = false;
        return GetBytes(id);
    }
}
