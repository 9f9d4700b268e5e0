using System.Buffers;
using System.Text;

namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>Byte-level byte pair encoding as GLM-4 and later use it.</summary>
internal sealed class BytePairTokenizer : ITokenizer
{
    private readonly PieceTable _pieces;
    private readonly PairTable<Merge> _merges;
    private readonly Dictionary<string, int> _tokenIds;
    private readonly bool _takesWholeChunks;
    private readonly int[] _byteIds = new int[256];

    /// <param name="pieces">All pieces and added tokens.</param>
    /// <param name="merges">Pairs over ids of <paramref name="pieces"/>.</param>
    /// <param name="tokenIds">Added tokens by text.</param>
    /// <param name="takesWholeChunks">Whether a chunk that is a piece is taken without merging.</param>
    /// <exception cref="CheckpointException">A byte has no piece, so some text would have no ids.</exception>
    public BytePairTokenizer(PieceTable pieces, PairTable<Merge> merges, Dictionary<string, int> tokenIds, bool takesWholeChunks)
    {
        _pieces = pieces;
        _merges = merges;
        _tokenIds = tokenIds;
        _takesWholeChunks = takesWholeChunks;
        for (int value = 0; value < _byteIds.Length; value++)
        {
            if (!pieces.TryFind([(byte)value], out _byteIds[value]))
            {
                throw new CheckpointException($"The tokenizer has no piece for the byte 0x{value:X2}; a byte-level vocabulary has all 256.");
            }
        }
    }

    public int Count => _pieces.Count;

    public IReadOnlyCollection<string> SpecialTokens => _tokenIds.Keys;

    public bool TryGetSpecialId(string token, out int id) => _tokenIds.TryGetValue(token, out id);

    public string? FindSpecialText(int id) => IsSpecial(id) ? _tokenIds.FirstOrDefault(token => token.Value == id).Key : null;

    public bool IsSpecial(int id) => GetBytes(id).IsEmpty;

    public ReadOnlySpan<byte> GetBytes(int id) => (uint)id < (uint)_pieces.Count ? _pieces[id] : [];

    public void Encode(ReadOnlySpan<char> text, ICollection<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        Span<byte> small = stackalloc byte[BytePairMerger.ShortChunkBytes];
        foreach (ReadOnlySpan<char> chunk in new GlmTextSplitter(text))
        {
            if (Encoding.UTF8.TryGetBytes(chunk, small, out int written))
            {
                EncodeShort(small[..written], ids);
            }
            else
            {
                EncodeLong(chunk, ids);
            }
        }
    }

    private void EncodeShort(ReadOnlySpan<byte> chunk, ICollection<int> ids)
    {
        if (_takesWholeChunks && _pieces.TryFind(chunk, out int whole))
        {
            ids.Add(whole);
            return;
        }

        Span<int> parts = stackalloc int[BytePairMerger.ShortChunkBytes];
        parts = parts[..chunk.Length];
        ToByteIds(chunk, parts);
        AddAll(parts[..BytePairMerger.MergeShort(_merges, parts)], ids);
    }

    private void EncodeLong(ReadOnlySpan<char> chunk, ICollection<int> ids)
    {
        int byteCount = Encoding.UTF8.GetByteCount(chunk);
        byte[] bytes = ArrayPool<byte>.Shared.Rent(byteCount);
        int[] parts = ArrayPool<int>.Shared.Rent(byteCount);
        try
        {
            Encoding.UTF8.GetBytes(chunk, bytes);
            EncodeLong(bytes.AsSpan(0, byteCount), parts.AsSpan(0, byteCount), ids);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(parts);
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private void EncodeLong(ReadOnlySpan<byte> chunk, Span<int> parts, ICollection<int> ids)
    {
        if (_takesWholeChunks && _pieces.TryFind(chunk, out int whole))
        {
            ids.Add(whole);
            return;
        }

        ToByteIds(chunk, parts);
        AddAll(parts[..BytePairMerger.Merge(_merges, parts)], ids);
    }

    private void ToByteIds(ReadOnlySpan<byte> bytes, Span<int> ids)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            ids[i] = _byteIds[bytes[i]];
        }
    }

    private static void AddAll(ReadOnlySpan<int> parts, ICollection<int> ids)
    {
        foreach (int id in parts)
        {
            ids.Add(id);
        }
    }
}
