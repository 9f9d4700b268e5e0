using System.Text.Json;
using static GlmCluster.Checkpoints.Tokenization.TokenizerJsonReader;

namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>Reads <c>model.merges</c> of <c>tokenizer.json</c>: strings <c>"a b"</c> or pairs <c>["a", "b"]</c>, by rank.</summary>
internal static class TokenizerJsonMerges
{
    /// <param name="json">Stands at the start of the list.</param>
    /// <param name="pieces">The finished vocabulary.</param>
    /// <param name="pieceReader">Turns strings into pieces.</param>
    /// <exception cref="CheckpointException">A merge is malformed or names a piece that the vocabulary lacks.</exception>
    public static PairTable<Merge> Read(Utf8JsonReader json, PieceTable pieces, JsonPieceReader pieceReader)
    {
        PairTable<Merge> merges = Merge.NewTable(pieces.Count);
        Span<byte> joined = new byte[2 * PieceTableBuilder.MaximumPieceBytes];
        for (int rank = 0; json.Read() && json.TokenType != JsonTokenType.EndArray; rank++)
        {
            (int left, int right) = ReadPair(ref json, pieces, pieceReader);
            pieces[left].CopyTo(joined);
            pieces[right].CopyTo(joined[pieces[left].Length..]);
            if (!pieces.TryFind(joined[..(pieces[left].Length + pieces[right].Length)], out int id))
            {
                throw Unsupported($"merge {rank} makes a piece that the vocabulary lacks");
            }

            merges.Set(left, right, new Merge(rank, id));
        }

        return merges;
    }

    private static (int Left, int Right) ReadPair(ref Utf8JsonReader json, PieceTable pieces, JsonPieceReader pieceReader)
    {
        if (json.TokenType == JsonTokenType.StartArray)
        {
            int left = ReadPart(ref json, pieces, pieceReader);
            int right = ReadPart(ref json, pieces, pieceReader);
            Require(json.Read() && json.TokenType == JsonTokenType.EndArray, "a merge has more than two parts");
            return (left, right);
        }

        Require(json.TokenType == JsonTokenType.String, "a merge is neither a string nor a pair");
        ReadOnlySpan<byte> text = pieceReader.Unescape(ref json);
        int blank = text.IndexOf((byte)' '); // not in the byte-level alphabet, so it can only separate
        Require(blank >= 0, "a merge has only one part");
        return (Find(text[..blank], pieces, pieceReader), Find(text[(blank + 1)..], pieces, pieceReader));
    }

    private static int ReadPart(ref Utf8JsonReader json, PieceTable pieces, JsonPieceReader pieceReader)
    {
        Require(json.Read() && json.TokenType == JsonTokenType.String, "a merge is not a pair of strings");
        return Find(pieceReader.Unescape(ref json), pieces, pieceReader);
    }

    private static int Find(ReadOnlySpan<byte> text, PieceTable pieces, JsonPieceReader pieceReader) =>
        pieces.TryFind(pieceReader.Decode(text), out int id)
            ? id
            : throw Unsupported($"a merge names {Quote(text)}, which is not in the vocabulary");
}
