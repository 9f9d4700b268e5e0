using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Verification;

/// <summary>Compares a model folder, computed with f32 weights, with the reference file that lies in it.</summary>
public static class FolderVerifier
{
    private const int StepTokens = 256;

    /// <param name="folder">Hugging Face folder with a <c>golden.safetensors</c>.</param>
    /// <param name="libraryPath">ONNX Runtime library; null: searched.</param>
    /// <param name="threads">Threads of the arithmetic.</param>
    /// <param name="progress">Told how loading goes; null: nobody.</param>
    /// <exception cref="CheckpointException">The folder or its reference is missing, broken or not supported.</exception>
    /// <exception cref="OnnxRuntimeException">The native library cannot be had.</exception>
    public static GoldenReport Verify(string folder, string? libraryPath, int threads, IProgress<LoadProgress>? progress)
    {
        ArgumentNullException.ThrowIfNull(folder);
        using var checkpoint = Checkpoint.Open(folder);
        using SafetensorsFile golden = OpenGolden(folder);
        DecoderConfiguration configuration = checkpoint.Configuration;
        int context = Math.Min(configuration.ContextTokens, LongestSequence(golden));
        int stepTokens = configuration.Prefix is null ? StepTokens : context; // a prefix goes in in one step
        var options = new DecoderRunnerOptions
        {
            Threads = threads,
            BlockCount = (context + DecoderMemory.BlockTokens - 1) / DecoderMemory.BlockTokens,
            MaxStepTokens = stepTokens,
            MaxSequences = 1,
            ContextTokens = context,
        };
        using DecoderRunner runner = DecoderRunner.Load(
            OnnxRuntimeLibrary.Load(libraryPath), configuration, checkpoint.ReadDecoder(), options, progress, CancellationToken.None);
        return GoldenVerifier.Verify(runner, golden, stepTokens, Choices(configuration));
    }

    /// <exception cref="CheckpointException">The folder has no reference, or a broken one.</exception>
    internal static SafetensorsFile OpenGolden(string folder)
    {
        string path = Path.Combine(folder, GoldenVerifier.FileName);
        return File.Exists(path)
            ? SafetensorsFile.Open(path)
            : throw new CheckpointException($"{folder} has no {GoldenVerifier.FileName}: there is nothing to compare with.");
    }

    /// <summary>References of ChatGLM-6B choose among ids that are no special ones, which stand at the end.</summary>
    private static int Choices(DecoderConfiguration configuration) =>
        configuration.Prefix is { } prefix ? Math.Min(prefix.MaskId, Math.Min(prefix.GMaskId, prefix.StartId)) : int.MaxValue;

    /// <summary>Tokens of the longest prompt with its continuation.</summary>
    private static int LongestSequence(SafetensorsFile golden)
    {
        long longest = 1;
        for (int prompt = 0; golden.Find($"input_ids_{prompt}") is { } ids; prompt++)
        {
            longest = Math.Max(longest, ids.Shape.Sum() + (golden.Find($"greedy_{prompt}")?.Shape.Sum() ?? 0));
        }

        return (int)Math.Min(longest, int.MaxValue);
    }
}
