using GlmCluster.Checkpoints.Tests.Tokenization;
using GlmCluster.Checkpoints.Text;

namespace GlmCluster.Checkpoints.Tests.Text;

public sealed class TextModelTests
{
    private static readonly string SmallTokenizer = TokenizerFiles.CreateJson().ToJsonString();

    [Fact]
    public void Load_DemoModel_ReadsItsDefaults()
    {
        GenerationDefaults defaults = TestModels.Nano.Defaults;

        Assert.Equal((0.3f, 0.8f, 0), (defaults.Temperature, defaults.TopP, defaults.TopK));
        Assert.Equal([4086, 4093, 4095], defaults.StopIds);
        Assert.Null(TestModels.Nano.ChatTemplateProblem);
    }

    [Fact]
    public void Load_NothingSaid_HasTheFamilysDefaults()
    {
        GenerationDefaults defaults = TestModels.Ranks.Defaults;

        Assert.Equal((0.8f, 0.8f, 0), (defaults.Temperature, defaults.TopP, defaults.TopK));
        Assert.Equal([151329, 151336, 151338], defaults.StopIds);
    }

    [Theory]
    [InlineData("""{"eos_token_id": 5}""", null, new[] { 5 })]
    [InlineData("""{"eos_token_id": 5}""", "{}", new[] { 5 })]
    [InlineData("""{"eos_token_id": 5}""", """{"eos_token_id": [6, 7, 6]}""", new[] { 6, 7 })]
    [InlineData("""{"eos_token_id": 5}""", """{"eos_token_id": null}""", new[] { 5 })]
    [InlineData("{}", null, new[] { 259 })] // the small tokenizer has only the user's token
    public void Load_StopIds_GenerationConfigWins(string config, string? generationConfig, int[] stopIds) =>
        Assert.Equal(stopIds, Load(config, generationConfig).Defaults.StopIds);

    [Theory]
    [InlineData("""{"do_sample": false, "temperature": 0.7}""", 0f, 0.8f, 0)]
    [InlineData("""{"do_sample": true, "temperature": 1, "top_p": 1, "top_k": 40}""", 1f, 1f, 40)]
    [InlineData("""{"temperature": 0}""", 0f, 0.8f, 0)]
    public void Load_Sampling_IsRead(string generationConfig, float temperature, float topP, int topK)
    {
        GenerationDefaults defaults = Load("{}", generationConfig).Defaults;

        Assert.Equal((temperature, topP, topK), (defaults.Temperature, defaults.TopP, defaults.TopK));
    }

    [Theory]
    [InlineData("{}", """{"temperature": -1}""", "temperature")]
    [InlineData("{}", """{"temperature": "hot"}""", "temperature")]
    [InlineData("{}", """{"top_p": 0}""", "top_p")]
    [InlineData("{}", """{"top_p": 1.5}""", "top_p")]
    [InlineData("{}", """{"top_k": -1}""", "top_k")]
    [InlineData("{}", """{"top_k": 1.5}""", "top_k")]
    [InlineData("{}", """{"eos_token_id": "x"}""", "eos_token_id")]
    [InlineData("{}", """{"eos_token_id": [-1]}""", "eos_token_id")]
    [InlineData("{}", "[]", "generation_config.json")]
    [InlineData("{}", "{", "generation_config.json")]
    [InlineData("{", null, "config.json")]
    [InlineData("""{"model_type": 5}""", null, "config.json")]
    [InlineData("""{"vocab_size": 100}""", null, "vocab_size")]
    [InlineData("""{"padded_vocab_size": "x", "vocab_size": 1000}""", null, "padded_vocab_size")]
    public void Load_BadValue_NamesIt(string config, string? generationConfig, string named)
    {
        CheckpointException e = Assert.Throws<CheckpointException>(() => Load(config, generationConfig));
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("glm", "{% extends 'base' %}")]
    [InlineData("llama", null)]
    public void Load_UnknownChatLayout_OffersPlainCompletionsOnly(string modelType, string? template)
    {
        TextModel model = TestModels.WithNanoTokenizer(modelType, template);

        Assert.Null(model.ChatTemplate);
        Assert.NotNull(model.ChatTemplateProblem);
        Assert.NotEmpty(model.EncodePlain("x"));
    }

    [Fact]
    public void Load_TokenizerWithoutRoles_SaysWhichIsMissing()
    {
        TextModel model = Load("""{"model_type": "glm"}""", null);

        Assert.Null(model.ChatTemplate);
        Assert.Contains("[gMASK]", model.ChatTemplateProblem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"chat_template": [{"name": "rag", "template": "x"}, {"name": "default", "template": "[gMASK]<sop>"}]}""")]
    [InlineData("""{"chat_template": "foreign"}""")]
    public void Load_TemplateInTokenizerConfig_IsLookedAt(string tokenizerConfig)
    {
        TextModel model = TextModel.Load(TestModels.FromTexts(
            ("config.json", """{"model_type": "glm"}"""), ("tokenizer.json", SmallTokenizer), ("tokenizer_config.json", tokenizerConfig)));

        Assert.Contains("chat_template", model.ChatTemplateProblem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"chat_template": 5}""")]
    [InlineData("""{"chat_template": [{"name": "default", "template": 5}]}""")]
    [InlineData("""{"chat_template": "\ud800"}""")]
    [InlineData("""{"added_tokens_decoder": {"x": {"content": "y"}}}""")]
    [InlineData("""{"added_tokens_decoder": {"5": {"content": "y"}}}""")]
    [InlineData("""{"added_tokens_decoder": {"257": 3}}""")]
    [InlineData("""{"added_tokens_decoder": {"257": {"content": "\ud800"}}}""")]
    public void Load_BadTokenizerConfig_IsCheckpointException(string tokenizerConfig) =>
        Assert.Throws<CheckpointException>(() => TextModel.Load(TestModels.FromTexts(
            ("config.json", """{"model_type": "glm"}"""),
            ("tokenizer.model", string.Join('\n', TokenizerFiles.CreateRanks())),
            ("tokenizer_config.json", tokenizerConfig))));

    [Fact]
    public void EncodePlain_SpecialTokenText_IsWrittenOnceAndStaysOrdinary()
    {
        List<int> ids = TestModels.Nano.EncodePlain("[gMASK]<sop>x");

        Assert.Equal([4088, 4090], ids.Where(TestModels.Nano.Tokenizer.IsSpecial));
        Assert.Equal("[gMASK]<sop>x", BytePairTokenizerTests.Decode(TestModels.Nano.Tokenizer, ids));
    }

    private static TextModel Load(string config, string? generationConfig) => TextModel.Load(generationConfig is null
        ? TestModels.FromTexts(("config.json", config), ("tokenizer.json", SmallTokenizer))
        : TestModels.FromTexts(("config.json", config), ("tokenizer.json", SmallTokenizer), ("generation_config.json", generationConfig)));
}
