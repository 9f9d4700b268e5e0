using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Embeddings;
using GlmCluster.Engine.Onnx;
using GlmCluster.TestKit;

namespace GlmCluster.Engine.Tests.Embeddings;

/// <summary>An encoder's folder of the checkout, loaded.</summary>
internal sealed class TestEncoder : IDisposable
{
    public const int StepTokens = 2048;

    private readonly EncoderCheckpoint _checkpoint;

    public TestEncoder(string folder, WeightFormat format = WeightFormat.F32, int threads = 1)
    {
        _checkpoint = EncoderCheckpoint.Open(folder);
        var options = new EncoderRunnerOptions { Threads = threads, WeightFormat = format, MaxStepTokens = StepTokens };
        Runner = EncoderRunner.Load(
            OnnxRuntimeLibrary.Load(), _checkpoint.Configuration, _checkpoint.ReadEncoder(), options, progress: null, CancellationToken.None);
    }

    public static string NanoFolder => RepositoryFolder.Path("assets", "nano-embed");

    public static string GoldenFolder(string name) => RepositoryFolder.Path("tests", "data", "golden", name);

    public EncoderRunner Runner { get; }

    public EmbeddingRecipe Recipe => _checkpoint.Recipe;

    public EncoderCheckpoint Checkpoint => _checkpoint;

    /// <summary>Runs texts in one step.</summary>
    public float[][] Embed(params int[][] texts)
    {
        var batch = new EncoderBatch(StepTokens);
        Array.ForEach(texts, text => batch.Add(text));
        ReadOnlySpan<float> hidden = Runner.Run(batch);
        int width = _checkpoint.Configuration.HiddenSize;
        float[][] vectors = new float[texts.Length][];
        for (int text = 0, start = 0; text < texts.Length; start += texts[text++].Length)
        {
            vectors[text] = new float[Recipe.Dimensions(_checkpoint.Configuration)];
            TextPooling.Pool(hidden.Slice(start * width, texts[text].Length * width), Recipe, width, vectors[text]);
        }

        return vectors;
    }

    public void Dispose()
    {
        Runner.Dispose();
        _checkpoint.Dispose();
    }
}
