using System.Text;
using GlmCluster.Checkpoints.Tokenization.SentencePieces;

namespace GlmCluster.Checkpoints.Tests.Tokenization;

/// <summary>Small SentencePiece models, written as protobuf.</summary>
internal sealed class SentencePieceFiles
{
    private readonly List<byte> _model = [];

    public static SentencePieceFile Read(byte[] model) => SentencePieceFile.Read("test.model", model);

    /// <summary>A model with <c>&lt;unk&gt;</c>, <c>&lt;s&gt;</c> and <c>&lt;/s&gt;</c> as pieces 0 to 2, then these with falling scores -1, -2, ….</summary>
    /// <param name="isBytePair">BPE or unigram.</param>
    /// <param name="hasBytes">Whether the 256 bytes follow.</param>
    /// <param name="pieces">With <c>▁</c> for blanks.</param>
    public static byte[] Create(bool isBytePair, bool hasBytes, params string[] pieces)
    {
        var file = new SentencePieceFiles();
        file.Piece("<unk>", 0, PieceKind.Unknown).Piece("<s>", 0, PieceKind.Control).Piece("</s>", 0, PieceKind.Control);
        for (int i = 0; i < pieces.Length; i++)
        {
            file.Piece(pieces[i], -1 - i, PieceKind.Normal);
        }

        for (int value = 0; hasBytes && value < 256; value++)
        {
            file.Piece($"<0x{value:X2}>", 0, PieceKind.Byte);
        }

        return file.Trainer(isBytePair ? 2 : 1, hasBytes).Normalizer(addsBlank: true, collapsesBlanks: !isBytePair).ToArray();
    }

    public SentencePieceFiles Piece(string text, float score, PieceKind kind) => Piece(Encoding.UTF8.GetBytes(text), score, kind);

    public SentencePieceFiles Piece(byte[] text, float score, PieceKind kind) =>
        Message(1, [.. Field(1, text), 2 << 3 | 5, .. BitConverter.GetBytes(score), 3 << 3, (byte)kind]);

    public SentencePieceFiles Trainer(int modelType, bool hasByteFallback) =>
        Message(2, [3 << 3, (byte)modelType, .. Varint(35 << 3), (byte)(hasByteFallback ? 1 : 0)]);

    public SentencePieceFiles Normalizer(bool addsBlank, bool collapsesBlanks, byte[]? characterMap = null) =>
        Message(3, [.. Field(2, characterMap ?? []), 3 << 3, (byte)(addsBlank ? 1 : 0), 4 << 3, (byte)(collapsesBlanks ? 1 : 0)]);

    public SentencePieceFiles Message(int field, byte[] content)
    {
        _model.AddRange(Field(field, content));
        return this;
    }

    public byte[] ToArray() => [.. _model];

    private static IEnumerable<byte> Field(int field, byte[] content) => [.. Varint((field << 3) | 2), .. Varint(content.Length), .. content];

    private static IEnumerable<byte> Varint(int value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            yield return (byte)(value | 0x80);
        }

        yield return (byte)value;
    }
}
