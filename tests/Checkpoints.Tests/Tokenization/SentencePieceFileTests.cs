using GlmCluster.Checkpoints.Tests.Text;
using GlmCluster.Checkpoints.Tokenization.SentencePieces;

namespace GlmCluster.Checkpoints.Tests.Tokenization;

public sealed class SentencePieceFileTests
{
    public static TheoryData<byte[], string> BrokenFiles() => new()
    {
        { [0x0A, 0x05, 1], "cut off" },
        { [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], "cut off" },
        { [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], "ten bytes" },
        { [0x0B], "wire type" },
        { [0x00], "number" },
        { [], "0 unknown pieces" },
        { Unknown().Piece("", 0, PieceKind.Normal).ToArray(), "piece 1 has 0 bytes" },
        { Unknown().Piece([0xFF], 0, PieceKind.Normal).ToArray(), "piece 1 is not UTF-8" },
        { Unknown().Piece("a", float.NaN, PieceKind.Normal).ToArray(), "piece 1" },
        { Unknown().Piece("a", 0, (PieceKind)9).ToArray(), "type 9" },
        { Unknown().Piece(new string('a', 2000), 0, PieceKind.Normal).ToArray(), "2000 bytes" },
        { Unknown().Piece("a", 0, PieceKind.Normal).Piece("a", 0, PieceKind.Normal).ToArray(), "piece 2 \"a\" occurs twice" },
        { Unknown().Piece("a", 0, PieceKind.Normal).Piece("a", 0, PieceKind.Normal).Trainer(2, false).ToArray(), "piece 2 \"a\" occurs twice" },
        { Unknown().Piece("a", 0, PieceKind.Unused).Trainer(2, false).ToArray(), "piece 1 \"a\" is marked unused" },
        { Unknown().Piece("a", 0, PieceKind.UserDefined).Piece("a", 0, PieceKind.UserDefined).ToArray(), "piece 2 \"a\" occurs twice" },
        { Unknown().Piece("<0xZZ>", 0, PieceKind.Byte).ToArray(), "byte pieces" },
        { Unknown().Trainer(1, true).ToArray(), "256" },
        { Unknown().Trainer(4, false).ToArray(), "model type is 4" },
        { Unknown().Normalizer(true, true, [1, 2]).ToArray(), "cut off" },
        { Unknown().Normalizer(true, true, [255, 255, 255, 255, 0, 0]).ToArray(), "cut off" },
        { Unknown().Normalizer(true, true, [4, 0, 0, 0, 0, 0xFC, 0xFF, 0xFF]).ToArray(), "" },
    };

    [Theory]
    [MemberData(nameof(BrokenFiles))]
    public void Read_BrokenFile_NamesFileAndProblem(byte[] file, string named)
    {
        Exception? e = Record.Exception(() => Load(file));
        if (named.Length > 0)
        {
            Assert.Contains("test.model", Assert.IsType<CheckpointException>(e).Message, StringComparison.Ordinal);
            Assert.Contains(named, e.Message, StringComparison.Ordinal);
        }
        else
        {
            Assert.True(e is null or CheckpointException);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_RandomDamage_IsReadOrCheckpointException(bool isBytePair)
    {
        byte[] whole = SentencePieceFiles.Create(isBytePair, hasBytes: true, "▁", "a", "b", "ab", "▁ab");
        var random = new Random(21);
        for (int round = 0; round < 3000; round++)
        {
            byte[] file = [.. whole.AsSpan(0, random.Next(2) == 0 ? whole.Length : random.Next(whole.Length))];
            for (int i = random.Next(1, 4); i > 0 && file.Length > 0; i--)
            {
                file[random.Next(file.Length)] = (byte)random.Next(256);
            }

            if (Record.Exception(() => Load(file).Encode("ab ba\0é𠮷", new List<int>())) is Exception e)
            {
                Assert.IsType<CheckpointException>(e);
            }
        }
    }

    [Fact]
    public void Read_DamagedCharacterRules_IsReadOrCheckpointException()
    {
        byte[] published = File.ReadAllBytes(Path.Combine(TestModels.TokenizerFolder("chatglm-6b"), "ice_text.model"));
        byte[] whole = SentencePieceFile.Read("ice_text.model", published).CharacterMap.ToArray();
        var random = new Random(22);
        for (int round = 0; round < 60; round++)
        {
            byte[] rules = [.. whole];
            for (int i = 0; i < 200; i++)
            {
                rules[random.Next(rules.Length)] = (byte)random.Next(256);
            }

            byte[] file = Unknown().Normalizer(true, true, rules).ToArray();
            if (Record.Exception(() => Load(file).Encode("é ﬁ①", new List<int>())) is Exception e)
            {
                Assert.IsType<CheckpointException>(e);
            }
        }
    }

    [Fact]
    public void Read_RulesThatGoInCircles_AreRefused()
    {
        // Units of labels 1 to 255 whose children are themselves again: every key has an endless number of longer ones.
        byte[] rules = new byte[sizeof(uint) * 257];
        BitConverter.TryWriteBytes(rules, 1024);
        for (uint label = 1; label < 256; label++)
        {
            BitConverter.TryWriteBytes(rules.AsSpan((int)(label + 1) * sizeof(uint)), (label << 10) | label);
        }

        Assert.Throws<CheckpointException>(() => Load(Unknown().Normalizer(true, true, rules).ToArray()));
    }

    private static SentencePieceFiles Unknown() => new SentencePieceFiles().Piece("<unk>", 0, PieceKind.Unknown);

    private static SentencePieceTokenizer Load(byte[] file) => new(SentencePieceFiles.Read(file), SentencePieceFamily.ChatGlm3);
}
