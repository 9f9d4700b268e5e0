using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.Verification;

namespace GlmCluster.Silo.Quality;

/// <summary>Measures what weight and KV formats cost: the model in those formats against the same model in f32, over given texts.</summary>
/// <param name="folder">Hugging Face GLM folder.</param>
/// <param name="libraryPath">ONNX Runtime library; null: searched.</param>
/// <param name="threads">Threads of the arithmetic.</param>
public sealed class QualityRun(string folder, string? libraryPath, int threads)
{
    private const int StepTokens = 256;

    /// <summary>Longer texts are cut: both caches must fit beside both forms of the weights.</summary>
    private const int LongestText = 4096;

    /// <param name="format">The weight format to judge.</param>
    /// <param name="kvFormat">The KV format to judge with it.</param>
    /// <param name="textFile">See <see cref="QualityTexts"/>; null: the texts that come with the program.</param>
    /// <param name="progress">Told how loading and comparing go; null: nobody.</param>
    /// <param name="cancellationToken">Ends the run between two steps.</param>
    /// <exception cref="CheckpointException">The folder or the texts are broken or not supported.</exception>
    /// <exception cref="OnnxRuntimeException">The native library cannot be had.</exception>
    public QualityReport Compare(
        WeightFormat format, KvFormat kvFormat, string? textFile, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        using var checkpoint = Checkpoint.Open(folder);
        int context = Math.Min(checkpoint.Configuration.ContextTokens, LongestText);
        var reader = new QualityTexts(TextModel.Load(TextAssets.FromFolder(folder)), context);
        IReadOnlyList<ScoredSequence> texts = textFile is null ? reader.ReadSamples() : reader.Read(textFile);
        OnnxRuntimeLibrary library = OnnxRuntimeLibrary.Load(libraryPath);
        DecoderWeights weights = checkpoint.ReadDecoder();
        DecoderRunnerOptions options = Options(texts.Max(text => text.Ids.Length));
        using DecoderRunner exact = DecoderRunner.Load(library, checkpoint.Configuration, weights, options, progress, cancellationToken);
        using DecoderRunner judged = DecoderRunner.Load(
            library, checkpoint.Configuration, weights, options with { WeightFormat = format, KvFormat = kvFormat }, progress, cancellationToken);
        return new QualityComparer(exact, judged, StepTokens).Compare(texts, progress, cancellationToken);
    }

    private DecoderRunnerOptions Options(int contextTokens) => new()
    {
        Threads = threads,
        BlockCount = (contextTokens + DecoderMemory.BlockTokens - 1) / DecoderMemory.BlockTokens,
        MaxStepTokens = StepTokens,
        MaxSequences = 1,
        ContextTokens = contextTokens,
    };
}
