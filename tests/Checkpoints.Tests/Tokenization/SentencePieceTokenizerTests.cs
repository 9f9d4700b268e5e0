using GlmCluster.Checkpoints.Tests.Text;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.Checkpoints.Tokenization.SentencePieces;

namespace GlmCluster.Checkpoints.Tests.Tokenization;

public sealed class SentencePieceTokenizerTests
{
    [Fact]
    public void Encode_XlmRoberta_ShiftsTheFilesPieces()
    {
        // Pieces 3 to 6 of the file; fairseq numbers them 4 to 7, and the mask last.
        byte[] file = SentencePieceFiles.Create(isBytePair: false, hasBytes: false, "▁", "▁ab", "a", "b");
        TextModel model = TextModel.Load(TextAssets.FromFiles(new Dictionary<string, ReadOnlyMemory<byte>> { [TextAssets.XlmRobertaModel] = file }));

        Assert.Equal([0, 5, 6, 2], model.EncodePlain("aba"));
        Assert.Equal([0, 4, 3, 7, 3, 2], model.EncodePlain("你好b你"));
        (string, int)[] specials = [("<s>", 0), ("<pad>", 1), ("</s>", 2), ("<unk>", 3), ("<mask>", 8)];
        foreach ((string token, int expected) in specials)
        {
            Assert.True(model.Tokenizer.TryGetSpecialId(token, out int id));
            Assert.Equal(expected, id);
            Assert.True(model.Tokenizer.IsSpecial(id));
        }

        Assert.Equal(9, model.Tokenizer.Count);
    }

    [Fact]
    public void Encode_FirstReleaseOfChatGlm_ShiftsAllIdsByItsImageTokens()
    {
        Dictionary<string, ReadOnlyMemory<byte>> files = new()
        {
            [TextAssets.IceTextModel] = File.ReadAllBytes(Path.Combine(TestModels.TokenizerFolder("chatglm-6b"), "ice_text.model")),
            [TextAssets.Config] = """{"model_type": "chatglm", "vocab_size": 150528}"""u8.ToArray(),
        };
        int[] shifted = [20005, 94874, 150001, 150004];

        Assert.Equal(shifted, TextModel.Load(TextAssets.FromFiles(files)).EncodePlain("你好"));
        files[TextAssets.Config] = "{}"u8.ToArray();
        files[TextAssets.TokenizerConfig] = """{"num_image_tokens": 20000}"""u8.ToArray();
        TextModel model = TextModel.Load(TextAssets.FromFiles(files));
        Assert.Equal(shifted, model.EncodePlain("你好"));
        Assert.True(model.Tokenizer.IsSpecial(7));
        Assert.Equal("你好", Decode(model.Tokenizer, shifted));
    }

    [Theory]
    [InlineData("chatglm-6b")]
    [InlineData("chatglm3-6b")]
    public void Encode_RandomText_DecodesToWhatTheNormalizerLeaves(string family)
    {
        ITokenizer tokenizer = TestModels.Published(family).Tokenizer;
        var random = new Random(20263);
        for (int i = 0; i < 2000; i++)
        {
            string text = RandomText.Create(random, 40);
            List<int> ids = BytePairTokenizerTests.Encode(tokenizer, text);
            string decoded = Decode(tokenizer, ids);

            Assert.DoesNotContain(ids, id => id >= tokenizer.Count);
            if (family == "chatglm3-6b")
            {
                Assert.Equal(text.Replace('\u2581', ' '), decoded);
            }
            else
            {
                Assert.Equal(decoded, Decode(tokenizer, BytePairTokenizerTests.Encode(tokenizer, decoded)));
            }
        }
    }

    [Theory]
    [InlineData("chatglm-6b", "a\n\tb   c", "a\n\tb   c")]
    [InlineData("chatglm-6b", "！，ＡＢ　①", "!,AB 1")]
    [InlineData("chatglm3-6b", "  a ", "  a ")]
    [InlineData("chatglm3-6b", "𠮷👋", "𠮷👋")]
    [InlineData("bert-base-chinese", "Unaffable 你好!", "unaffable 你 好 !")]
    public void Decode_Text_GivesItBackAsFarAsTheFamilyDoes(string family, string text, string expected)
    {
        ITokenizer tokenizer = TestModels.Published(family).Tokenizer;

        Assert.Equal(expected, Decode(tokenizer, BytePairTokenizerTests.Encode(tokenizer, text)));
    }

    [Fact]
    public void Push_ContinuedText_KeepsTheFirstBlank()
    {
        ITokenizer tokenizer = TestModels.ChatGlm3.Tokenizer;
        List<int> ids = BytePairTokenizerTests.Encode(tokenizer, "world");

        Assert.Equal(" world", new IncrementalDetokenizer(tokenizer, continues: true).Push(ids[0]).ToString());
    }

    [Theory]
    [InlineData("chatglm-6b")]
    [InlineData("chatglm2-6b")]
    [InlineData("chatglm3-6b")]
    [InlineData("bert-base-chinese")]
    public void Encode_SpecialTokenText_StaysOrdinary(string family)
    {
        ITokenizer tokenizer = TestModels.Published(family).Tokenizer;
        const string Text = "<|user|>[gMASK]<sop>sop[MASK]<eop></s><|assistant|>[CLS][SEP]";

        Assert.DoesNotContain(BytePairTokenizerTests.Encode(tokenizer, Text), tokenizer.IsSpecial);
    }

    [Theory]
    [InlineData("chatglm-6b")]
    [InlineData("chatglm3-6b")]
    [InlineData("bert-base-chinese")]
    public void Encode_LoneSurrogate_IsReplacementCharacter(string family)
    {
        ITokenizer tokenizer = TestModels.Published(family).Tokenizer;
        foreach (string text in (string[])["a\uD800b", "\uDC00", "你\uD83D", "\uDC00\uD800"])
        {
            string replaced = string.Concat(text.EnumerateRunes().Select(rune => rune.ToString()));
            Assert.Equal(BytePairTokenizerTests.Encode(tokenizer, replaced), BytePairTokenizerTests.Encode(tokenizer, text));
        }
    }

    [Fact]
    public void Encode_UserDefinedPieces_StandAloneInBothKinds()
    {
        foreach (bool isBytePair in (bool[])[false, true])
        {
            SentencePieceFiles file = new SentencePieceFiles().Piece("<unk>", 0, PieceKind.Unknown)
                .Piece("▁", -1, PieceKind.Normal).Piece("a", -2, PieceKind.Normal).Piece("xx", -3, PieceKind.UserDefined)
                .Piece("x", -4, PieceKind.Normal).Piece("axx", -50, PieceKind.Normal).Trainer(isBytePair ? 2 : 1, hasByteFallback: false);
            var tokenizer = new SentencePieceTokenizer(SentencePieceFiles.Read(file.ToArray()), SentencePieceFamily.ChatGlm3);

            Assert.Equal([1, 2, 3, 2, 4], BytePairTokenizerTests.Encode(tokenizer, "axxax"));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Encode_RandomPieces_EqualsThePlainMethod(bool isBytePair)
    {
        var random = new Random(23);
        for (int round = 0; round < 300; round++)
        {
            string[] pieces = [.. Enumerable.Range(0, random.Next(1, 14)).Select(_ => Letters(random, 5)).Where(text => text.Length > 0).Distinct()];
            SentencePieceFile file = SentencePieceFiles.Read(SentencePieceFiles.Create(isBytePair, hasBytes: false, pieces));
            var tokenizer = new SentencePieceTokenizer(file, SentencePieceFamily.ChatGlm3);
            string text = Letters(random, 60);

            List<int> expected = isBytePair ? PlainSentencePieces.Merge(file, "▁" + text) : PlainSentencePieces.BestCut(file, "▁" + text);

            Assert.Equal(text.Length == 0 ? [] : expected, BytePairTokenizerTests.Encode(tokenizer, text));
        }
    }

    private static string Letters(Random random, int longest) => string.Concat(Enumerable.Range(0, random.Next(longest + 1)).Select(_ => "ab"[random.Next(2)]));

    private static string Decode(ITokenizer tokenizer, IEnumerable<int> ids)
    {
        var detokenizer = new IncrementalDetokenizer(tokenizer);
        return string.Concat([.. ids.Select(id => detokenizer.Push(id).ToString()), detokenizer.Finish().ToString()]);
    }
}
