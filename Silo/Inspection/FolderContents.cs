using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Silo.Inspection;

/// <summary>What lies in a folder beside its <c>config.json</c>; what is wrong with it is an answer, not a failure.</summary>
internal static class FolderContents
{
    public static WeightFileReport WeightsOfDecoder(string folder) => Weights(folder, () =>
    {
        using var checkpoint = Checkpoint.Open(folder);
        return checkpoint.ReadDecoder().Layers[0].Attention.Output.Weight[0].Type;
    });

    public static WeightFileReport WeightsOfEncoder(string folder) => Weights(folder, () =>
    {
        using var checkpoint = EncoderCheckpoint.Open(folder);
        return checkpoint.ReadEncoder().Layers[0].AttentionOutput.Weight[0].Type;
    });

    public static TextReport Text(string folder)
    {
        try
        {
            var text = TextModel.Load(TextAssets.FromFolder(folder));
            return new TextReport(text.Tokenizer.Count, null, text.ChatTemplateProblem);
        }
        catch (CheckpointException problem)
        {
            return new TextReport(0, problem.Message, problem.Message);
        }
    }

    /// <param name="folder">Model folder.</param>
    /// <param name="check">Finds every tensor that the model needs; gives the type of its matrices.</param>
    private static WeightFileReport Weights(string folder, Func<TensorType> check)
    {
        FileInfo[] files = [];
        try
        {
            files = [.. WeightFolder.FileNames(folder).Select(name => new FileInfo(Path.Combine(folder, name)))];
            TensorType type = check();
            return new WeightFileReport(files.Length, Bytes(files), type.ToString(), null);
        }
        catch (CheckpointException problem)
        {
            return new WeightFileReport(files.Length, Bytes(files), null, problem.Message);
        }
    }

    private static long Bytes(FileInfo[] files) => files.Sum(file => file.Exists ? file.Length : 0);
}
