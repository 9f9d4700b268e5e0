using System.Globalization;
using System.Text;

namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>
/// A SentencePiece model as its file has it: a protobuf message after sentencepiece_model.proto of google/sentencepiece, of which
/// only the fields that decide ids are read.
/// </summary>
internal sealed class SentencePieceFile
{
    /// <summary>Four times the largest published vocabulary.</summary>
    private const int MaximumPieces = 1 << 20;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<SentencePiece> _pieces = [];
    private byte[] _characterMap = [];
    private ulong _modelType = 1;
    private bool _escapesBlanks = true;
    private bool _blankIsSuffix;

    private SentencePieceFile(string name) => Name = name;

    /// <summary>For messages.</summary>
    public string Name { get; }

    public IReadOnlyList<SentencePiece> Pieces => _pieces;

    /// <summary>True: neighbours are merged, best score first. False: the most probable cut (unigram).</summary>
    public bool IsBytePair => _modelType == 2;

    /// <summary>Whether a character without a piece becomes its bytes' pieces.</summary>
    public bool HasByteFallback { get; private set; }

    /// <summary>Whether a text is encoded as if a blank stood before it.</summary>
    public bool AddsBlank { get; private set; } = true;

    /// <summary>Whether blanks at both ends are dropped and runs of them are one.</summary>
    public bool CollapsesBlanks { get; private set; } = true;

    /// <summary>The normaliser's rules, see <see cref="CharacterMap"/>; empty: none.</summary>
    public ReadOnlySpan<byte> CharacterMap => _characterMap;

    /// <exception cref="CheckpointException">The file is broken, or of a kind that is not supported.</exception>
    public static SentencePieceFile Read(string name, ReadOnlySpan<byte> content)
    {
        var file = new SentencePieceFile(name);
        try
        {
            file.ReadModel(new ProtobufReader(content));
        }
        catch (InvalidDataException e)
        {
            throw file.Invalid(e.Message);
        }

        file.Check();
        return file;
    }

    /// <summary>Makes a unigram model of pieces from another kind of file.</summary>
    /// <exception cref="CheckpointException">They do not make a model.</exception>
    public static SentencePieceFile Create(string name, IReadOnlyList<SentencePiece> pieces, byte[] characterMap)
    {
        var file = new SentencePieceFile(name) { _characterMap = characterMap };
        int wrong = pieces.ToList().FindIndex(piece => piece.Text.Length is 0 or > PieceTableBuilder.MaximumPieceBytes || !float.IsFinite(piece.Score));
        if (wrong >= 0 || pieces.Count > MaximumPieces)
        {
            throw file.Invalid($"it has {pieces.Count} pieces (supported are {MaximumPieces}), or piece {wrong} is empty, too long or without a score");
        }

        file._pieces.AddRange(pieces);
        file.Check();
        return file;
    }

    /// <summary>The error for a problem of this file.</summary>
    public CheckpointException Invalid(string problem) => new($"{Name} is not a valid SentencePiece model: {problem}.");

    /// <summary>A piece for messages, in quotes and not too long.</summary>
    public string Show(int piece)
    {
        const int MaximumLength = 40;
        string text = _pieces[piece].Text;
        return $"piece {piece} \"{(text.Length <= MaximumLength ? text : text[..MaximumLength] + "…")}\"";
    }

    /// <summary>The byte that a byte piece stands for; -1 where its text is not <c>&lt;0xNN&gt;</c>.</summary>
    public static int ByteOf(string text) =>
        text is ['<', '0', 'x', _, _, '>'] && byte.TryParse(text.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
            ? value
            : -1;

    private void ReadModel(ProtobufReader model)
    {
        while (model.Read())
        {
            switch (model.Field)
            {
                case 1:
                    ReadPiece(new ProtobufReader(model.Bytes));
                    break;
                case 2:
                    ReadTrainer(new ProtobufReader(model.Bytes));
                    break;
                case 3:
                    ReadNormalizer(new ProtobufReader(model.Bytes));
                    break;
            }
        }
    }

    private void ReadPiece(ProtobufReader piece)
    {
        ReadOnlySpan<byte> text = [];
        float score = 0;
        ulong kind = (ulong)PieceKind.Normal;
        while (piece.Read())
        {
            switch (piece.Field)
            {
                case 1:
                    text = piece.Bytes;
                    break;
                case 2:
                    score = BitConverter.UInt32BitsToSingle((uint)piece.Number);
                    break;
                case 3:
                    kind = piece.Number;
                    break;
            }
        }

        int number = _pieces.Count;
        if (number == MaximumPieces || text.Length is 0 or > PieceTableBuilder.MaximumPieceBytes || !float.IsFinite(score) || kind is < 1 or > 6)
        {
            throw Invalid(
                $"piece {number} has {text.Length} bytes, the score {score.ToString(CultureInfo.InvariantCulture)} and the type {kind}; supported are "
                + $"{MaximumPieces} pieces of 1 to {PieceTableBuilder.MaximumPieceBytes} bytes with a finite score and a type from 1 to 6");
        }

        _pieces.Add(new SentencePiece(Decode(text, number), score, (PieceKind)kind));
    }

    private string Decode(ReadOnlySpan<byte> text, int number)
    {
        try
        {
            return Utf8.GetString(text);
        }
        catch (DecoderFallbackException)
        {
            throw Invalid($"piece {number} is not UTF-8");
        }
    }

    private void ReadTrainer(ProtobufReader trainer)
    {
        while (trainer.Read())
        {
            switch (trainer.Field)
            {
                case 3:
                    _modelType = trainer.Number;
                    break;
                case 24:
                    _blankIsSuffix = trainer.Number != 0;
                    break;
                case 35:
                    HasByteFallback = trainer.Number != 0;
                    break;
            }
        }
    }

    private void ReadNormalizer(ProtobufReader normalizer)
    {
        while (normalizer.Read())
        {
            switch (normalizer.Field)
            {
                case 2:
                    _characterMap = normalizer.Bytes.ToArray();
                    break;
                case 3:
                    AddsBlank = normalizer.Number != 0;
                    break;
                case 4:
                    CollapsesBlanks = normalizer.Number != 0;
                    break;
                case 5:
                    _escapesBlanks = normalizer.Number != 0;
                    break;
            }
        }
    }

    private void Check()
    {
        if (_modelType is not (1 or 2))
        {
            throw Invalid($"its model type is {_modelType}; supported are 1 (unigram) and 2 (BPE)");
        }

        if (!_escapesBlanks || _blankIsSuffix)
        {
            throw Invalid("it writes blanks as blanks or after words, which no GLM model does");
        }

        int unknowns = _pieces.Count(piece => piece.Kind == PieceKind.Unknown);
        int bytes = _pieces.Where(piece => piece.Kind == PieceKind.Byte && ByteOf(piece.Text) >= 0).DistinctBy(piece => ByteOf(piece.Text)).Count();
        if (unknowns != 1 || bytes != _pieces.Count(piece => piece.Kind == PieceKind.Byte) || bytes != (HasByteFallback ? 256 : bytes))
        {
            throw Invalid($"it has {unknowns} unknown pieces (supported is 1) and {bytes} different byte pieces (with byte fallback supported is 256)");
        }
    }
}
