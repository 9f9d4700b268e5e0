using System.Buffers;
using System.Buffers.Text;

namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>
/// Reads GLM-4's <c>tokenizer.model</c>: lines <c>base64(bytes) rank</c>, ranks 0 to n - 1. A piece's rank is its id, and two
/// neighbours join when their joined bytes are a piece, lowest rank first.
/// </summary>
internal static class RanksFileReader
{
    /// <summary>GLM-4's special tokens, in the order of their ids; the first id follows the last rank.</summary>
    private static readonly string[] SpecialTokens =
    [
        "<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>",
        "<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>",
    ];

    /// <param name="added">Special tokens that the folder names; empty: GLM-4's own.</param>
    /// <exception cref="CheckpointException">The file is broken, or of another kind.</exception>
    public static BytePairTokenizer Read(ReadOnlySpan<byte> file, IReadOnlyCollection<AddedToken> added)
    {
        var builder = new PieceTableBuilder();
        ReadPieces(file, builder);
        int ranks = builder.NextId;
        foreach (AddedToken token in added.Count > 0 ? added : SpecialTokens.Select((text, i) => new AddedToken(ranks + i, text, true)))
        {
            builder.AddToken(token);
        }

        PieceTable pieces = builder.Build(out Dictionary<string, int> tokenIds);
        return new BytePairTokenizer(pieces, FindMerges(pieces, ranks), tokenIds, takesWholeChunks: true);
    }

    private static void ReadPieces(ReadOnlySpan<byte> file, PieceTableBuilder builder)
    {
        Span<byte> piece = [];
        int line = 0;
        foreach (Range range in file.Split((byte)'\n'))
        {
            line++;
            ReadOnlySpan<byte> text = file[range];
            if (text.IsEmpty)
            {
                continue;
            }

            int blank = text.IndexOf((byte)' ');
            piece = piece.Length >= text.Length ? piece : new byte[text.Length];
            if (blank < 0
                || Base64.DecodeFromUtf8(text[..blank], piece, out _, out int length) != OperationStatus.Done
                || !Utf8Parser.TryParse(text[(blank + 1)..], out int rank, out int digits)
                || digits != text.Length - blank - 1)
            {
                throw new CheckpointException($"tokenizer.model: line {line} is not \"base64 number\" as in the ranks file of GLM-4-9B.");
            }

            builder.AddPiece(piece[..length], rank);
        }
    }

    /// <summary>Every way to cut a piece in two pieces is a merge, so the encoder needs no bytes, only ids.</summary>
    private static PairTable<Merge> FindMerges(PieceTable pieces, int ranks)
    {
        PairTable<Merge> merges = Merge.NewTable(ranks * 2);
        for (int rank = 0; rank < ranks; rank++)
        {
            ReadOnlySpan<byte> piece = pieces[rank];
            for (int cut = 1; cut < piece.Length; cut++)
            {
                if (pieces.TryFind(piece[..cut], out int left) && pieces.TryFind(piece[cut..], out int right))
                {
                    merges.Set(left, right, new Merge(rank, rank));
                }
            }
        }

        return merges;
    }
}
