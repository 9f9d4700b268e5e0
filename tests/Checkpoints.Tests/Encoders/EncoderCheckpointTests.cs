using System.Collections.Immutable;
using System.Text;
using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.TestKit;

namespace GlmCluster.Checkpoints.Tests.Encoders;

public sealed class EncoderCheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("glm-encoder").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Open_BundledModel_HasItsRecipe()
    {
        using EncoderCheckpoint checkpoint = EncoderCheckpoint.Open(RepositoryFolder.Path("assets", "nano-embed"));

        Assert.Equal([PoolingMode.Mean], checkpoint.Recipe.Pooling);
        Assert.True(checkpoint.Recipe.Normalizes);
        Assert.Equal(512, checkpoint.Recipe.MaxTokens);
        Assert.Equal(128, checkpoint.Recipe.Dimensions(checkpoint.Configuration));
    }

    [Theory]
    [InlineData("bert", PoolingMode.Mean, false, 128)]
    [InlineData("xlm-roberta", PoolingMode.FirstToken, true, 128)] // 130 positions, of which two belong to no token
    public void Open_NoSentenceTransformersFiles_FamilysDefaults(string name, PoolingMode pooling, bool normalizes, int maxTokens)
    {
        using EncoderCheckpoint checkpoint = EncoderCheckpoint.Open(RepositoryFolder.Path("tests", "data", "golden", name));

        Assert.Equal([pooling], checkpoint.Recipe.Pooling);
        Assert.Equal(normalizes, checkpoint.Recipe.Normalizes);
        Assert.Equal(maxTokens, checkpoint.Recipe.MaxTokens);
    }

    [Theory]
    [InlineData("""{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}""", "FirstToken")]
    [InlineData("""{"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true}""", "Max,Mean")]
    [InlineData("{}", "Mean")]
    [InlineData("""{"pooling_mode": "lasttoken", "embedding_dimension": 64}""", "LastToken")]
    [InlineData("""{"pooling_mode": ["weightedmean", "cls"]}""", "FirstToken,WeightedMean")]
    public void Read_PoolingFile_ItsModesInOrder(string json, string expected)
    {
        Copy("bert");
        Write("1_Pooling/config.json", json);

        Assert.Equal(expected, string.Join(',', Read().Pooling));
    }

    [Theory]
    [InlineData("1_Pooling/config.json", """{"word_embedding_dimension": 65}""", "64")]
    [InlineData("1_Pooling/config.json", """{"pooling_mode_mean_tokens": false}""", "at least one")]
    [InlineData("1_Pooling/config.json", """{"pooling_mode": "magic"}""", "weightedmean")]
    [InlineData("modules.json", """[{"type": "sentence_transformers.models.Transformer", "path": ""}]""", "Pooling")]
    [InlineData("modules.json", """[{"type": "a.Transformer", "path": "../x"}]""", "Transformer")]
    [InlineData("modules.json", """[{"type": "a.Transformer", "path": ""}, {"type": "a.Pooling", "path": "../1_Pooling"}]""", "Pooling")]
    [InlineData("modules.json", """[{"type": "a.Transformer", "path": ""}, {"type": "a.Pooling", "path": "p"}, {"type": "a.Dense", "path": "d"}]""", "a.Dense")]
    [InlineData("modules.json", "{}", "list")]
    [InlineData("sentence_bert_config.json", """{"max_seq_length": 0}""", "max_seq_length")]
    public void Read_WhatCannotBeDone_RefusedByName(string file, string json, string expected)
    {
        Copy("bert");
        Write(file, json);

        Assert.Contains(expected, Assert.Throws<CheckpointException>(Read).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"max_seq_length": 64}""", 64)]
    [InlineData("""{"max_seq_length": 4096}""", 128)]
    [InlineData("""{"max_seq_length": null}""", 100)]
    public void Read_MaxSeqLength_SmallestLimitCounts(string json, int expected)
    {
        Copy("bert");
        Write("sentence_bert_config.json", json);
        Write("tokenizer_config.json", """{"model_max_length": 100}""");

        Assert.Equal(expected, Read().MaxTokens);
    }

    [Theory]
    [InlineData("""{"model_type": "distilbert"}""", "xlm-roberta")]
    [InlineData("""{"model_type": "bert", "hidden_act": "relu"}""", "gelu")]
    public void ReadConfiguration_NotSupported_NamesWhatIs(string json, string expected)
    {
        Write("config.json", json);

        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => EncoderConfigurationReader.Read(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadEncoder_OldNamesAndPrefix_Found()
    {
        using EncoderCheckpoint checkpoint = EncoderCheckpoint.Open(RepositoryFolder.Path("tests", "data", "golden", "bert"));
        EncoderTensors<TensorView> expected = checkpoint.ReadEncoder();
        using var renamed = new RenamedWeights(expected.All(), name => "bert." + name
            .Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal)
            .Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal));

        EncoderTensors<TensorView> found = EncoderLayout.Read(checkpoint.Configuration, renamed);

        Assert.Equal(expected.All().Select(tensor => tensor.Address), found.All().Select(tensor => tensor.Address));
        Assert.Equal("bert.embeddings.LayerNorm.gamma", found.EmbeddingNorm.Weight.Name);
    }

    [Fact]
    public void ReadEncoder_TensorMissing_NamesIt()
    {
        using EncoderCheckpoint checkpoint = EncoderCheckpoint.Open(RepositoryFolder.Path("tests", "data", "golden", "bert"));
        using var partly = new RenamedWeights(checkpoint.ReadEncoder().All().Skip(1), name => name);

        CheckpointException error = Assert.Throws<CheckpointException>(() => EncoderLayout.Read(checkpoint.Configuration, partly));

        Assert.Contains("embeddings.word_embeddings.weight", error.Message, StringComparison.Ordinal);
    }

    private EmbeddingRecipe Read() => EmbeddingRecipeReader.Read(_folder, EncoderConfigurationReader.Read(_folder));

    private void Copy(string name) =>
        File.Copy(RepositoryFolder.Path("tests", "data", "golden", name, "config.json"), Path.Combine(_folder, "config.json"));

    private void Write(string file, string json)
    {
        string path = Path.Combine(_folder, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, json, Encoding.UTF8);
    }

    private sealed class RenamedWeights(IEnumerable<TensorView> tensors, Func<string, string> rename) : IWeightSource
    {
        private readonly ImmutableDictionary<string, TensorView> _tensors =
            tensors.ToImmutableDictionary(tensor => rename(tensor.Name), tensor => tensor with { Name = rename(tensor.Name) });

        public IReadOnlyCollection<string> Names => [.. _tensors.Keys];

        public TensorView? Find(string name) => _tensors.GetValueOrDefault(name);

        public void Dispose()
        {
        }
    }
}
