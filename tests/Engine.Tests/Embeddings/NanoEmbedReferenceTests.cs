using System.Text.Json;
using GlmCluster.Checkpoints.Text;
using GlmCluster.TestKit;

namespace GlmCluster.Engine.Tests.Embeddings;

/// <summary>The bundled model against the vectors that Hugging Face transformers computed.</summary>
public sealed class NanoEmbedReferenceTests
{
    [Fact]
    public void Embed_ReferenceTexts_IdsAndVectorsEqual()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllBytes(RepositoryFolder.Path("tests", "data", "nano-embed", "reference.json")));
        TextModel text = TextModel.Load(TextAssets.FromFolder(TestEncoder.NanoFolder));
        using var encoder = new TestEncoder(TestEncoder.NanoFolder);
        string[] texts = [.. reference.RootElement.GetProperty("texts").EnumerateArray().Select(value => value.GetString()!)];

        int[][] ids = [.. texts.Select(value => text.EncodePlain(value).ToArray())];
        float[][] vectors = encoder.Embed(ids);

        for (int i = 0; i < texts.Length; i++)
        {
            Assert.Equal(reference.RootElement.GetProperty("input_ids")[i].EnumerateArray().Select(id => id.GetInt32()), ids[i]);
            float[] expected = [.. reference.RootElement.GetProperty("embeddings")[i].EnumerateArray().Select(value => value.GetSingle())];
            Assert.True(expected.Zip(vectors[i], (left, right) => MathF.Abs(left - right)).Max() < 2e-5f, texts[i]);
        }
    }
}
