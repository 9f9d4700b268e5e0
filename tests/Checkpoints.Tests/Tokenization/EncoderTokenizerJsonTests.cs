using System.Text;
using System.Text.Json;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.TestKit;

namespace GlmCluster.Checkpoints.Tests.Tokenization;

/// <summary>Encoders that publish only <c>tokenizer.json</c>.</summary>
public sealed class EncoderTokenizerJsonTests
{
    private static readonly string[] Texts = ["你好，世界！Hello wörld", "café RÉSUMÉ İstanbul 123", " ", "🙂 unaffable", "今天天气怎么样？"];

    [Fact]
    public void Encode_BertVocabularyInJson_SameIdsAsFromItsTextFile()
    {
        byte[] vocabulary = File.ReadAllBytes(RepositoryFolder.Path("assets", "nano-embed", "vocab.txt"));
        WordPieceTokenizer expected = WordPieceTokenizer.Read(vocabulary, lowersCase: true);
        string[] pieces = Encoding.UTF8.GetString(vocabulary).TrimEnd('\n').Split('\n');

        TextModel found = Load(WordPieceJson(pieces.Select((piece, id) => (piece, id)).ToDictionary()));

        foreach (string text in Texts)
        {
            List<int> ids = [101];
            expected.Encode(text, ids);
            ids.Add(102);
            Assert.Equal(ids, found.EncodePlain(text));
        }
    }

    [Fact]
    public void Encode_UnigramInJson_BestCutBetweenItsSpecialTokens()
    {
        TextModel found = Load(UnigramJson());

        Assert.Equal([0, 4, 6, 2], found.EncodePlain("hello")); // ▁he + llo beats ▁hello, which is less probable
        Assert.Equal([0, 4, 6, 7, 3, 2], found.EncodePlain("  hello   worldz"));
        Assert.True(found.Tokenizer.TryGetSpecialId("<mask>", out int mask));
        Assert.Equal(8, mask);
    }

    [Theory]
    [InlineData("BertNormalizer", "NFKC", "normalizer")]
    [InlineData("BertPreTokenizer", "Whitespace", "pre_tokenizer")]
    [InlineData("\"##\"", "\"@@\"", "WordPiece")]
    public void Read_OtherParts_RefusedByName(string part, string other, string expected)
    {
        string json = WordPieceJson(new Dictionary<string, int> { ["[UNK]"] = 0 }).Replace(part, other, StringComparison.Ordinal);

        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => Load(json)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_IdsWithHole_Refused()
    {
        string json = WordPieceJson(new Dictionary<string, int> { ["[UNK]"] = 0, ["a"] = 2 });

        Assert.Contains("0 to 1", Assert.Throws<CheckpointException>(() => Load(json)).Message, StringComparison.Ordinal);
    }

    private static TextModel Load(string json) => TextModel.Load(TextAssets.FromFiles(new Dictionary<string, ReadOnlyMemory<byte>>
    {
        ["config.json"] = "{}"u8.ToArray(),
        ["tokenizer.json"] = Encoding.UTF8.GetBytes(json),
    }));

    private static string WordPieceJson(Dictionary<string, int> vocabulary) => $$"""
        {"normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
         "pre_tokenizer": {"type": "BertPreTokenizer"},
         "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "vocab": {{JsonSerializer.Serialize(vocabulary)}} } }
        """;

    private static string UnigramJson() => """
        {"added_tokens": [{"id": 0, "content": "<s>"}, {"id": 1, "content": "<pad>"}, {"id": 2, "content": "</s>"}, {"id": 3, "content": "<unk>"},
                          {"id": 8, "content": "<mask>"}],
         "normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": ""},
                        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
         "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁"}]},
         "model": {"type": "Unigram", "unk_id": 3, "vocab": [["<s>", 0], ["<pad>", 0], ["</s>", 0], ["<unk>", 0],
                   ["▁he", -2.0], ["▁hello", -6.0], ["llo", -1.0], ["▁world", -2.5], ["<mask>", 0]]}}
        """;
}
