using System.Collections.Immutable;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Silo.Inspection;

/// <summary>Looks at a model folder without loading it. <c>config.json</c> alone is enough.</summary>
public static class ModelInspector
{
    private const int KvUnitTokens = 1024;

    /// <summary>Looks at a folder on this machine.</summary>
    /// <exception cref="CheckpointException"><c>config.json</c> is missing, broken or of a model that is not supported.</exception>
    public static ModelInspection Inspect(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        DecoderConfiguration configuration = DecoderConfigurationReader.Read(folder);
        return Inspect(configuration, LookAtWeights(folder), LookAtText(folder), MachineMemory.Read());
    }

    internal static ModelInspection Inspect(DecoderConfiguration configuration, WeightFileReport files, TextReport text, MachineMemory memory)
    {
        WeightFormat[] weights = Enum.GetValues<WeightFormat>();
        KvFormat[] kvs = Enum.GetValues<KvFormat>();
        return new ModelInspection
        {
            Architecture = configuration.Family.ModelType,
            Family = configuration.Family.Models,
            Parameters = DecoderMemory.Parameters(configuration),
            ParametersPerToken = DecoderMemory.ParametersPerToken(configuration),
            Dimensions = ToDimensions(configuration),
            WeightFiles = files,
            Text = text,
            Weights = [.. weights.Select(format => new WeightNeed(format.Name(), DecoderMemory.WeightBytes(configuration, format)))],
            EmbeddingFileBytes = (long)configuration.VocabularySize * configuration.HiddenSize * sizeof(ushort),
            Kv = [.. kvs.Select(format => ToNeed(configuration, format))],
            Machine = new MachineFit(
                memory.Bytes,
                memory.IsLimit,
                Fit(configuration, null, null, memory),
                [.. weights.SelectMany(weight => kvs.Select(kv => Fit(configuration, weight, kv, memory) ?? new FormatFit(weight.Name(), kv.Name(), 0, 0, 0)))]),
        };
    }

    private static ModelDimensions ToDimensions(DecoderConfiguration configuration) => new(
        configuration.Layers,
        configuration.HiddenSize,
        configuration.FeedForwardSize,
        configuration.Heads,
        configuration.KvHeads,
        configuration.HeadDim,
        configuration.VocabularySize,
        configuration.ContextTokens,
        configuration.Latent?.CachedWidth ?? 2 * configuration.KvHeads * configuration.HeadDim,
        configuration.Experts?.Count ?? 0,
        configuration.Experts?.PerToken ?? 0,
        configuration.Experts?.Width ?? 0);

    private static KvNeed ToNeed(DecoderConfiguration configuration, KvFormat format)
    {
        long block = DecoderMemory.BlockBytes(configuration, format);
        int blocks = (configuration.ContextTokens + DecoderMemory.BlockTokens - 1) / DecoderMemory.BlockTokens;
        return new KvNeed(format.Name(), KvUnitTokens / DecoderMemory.BlockTokens * block, blocks * block);
    }

    /// <returns>Null where it does not fit.</returns>
    private static FormatFit? Fit(DecoderConfiguration configuration, WeightFormat? weights, KvFormat? kv, MachineMemory memory)
    {
        var options = new ModelLoadOptions { Folder = "", Name = "", CacheFolder = "", Weights = weights, Kv = kv };
        try
        {
            var sizes = ModelSizes.Fit(configuration, options, memory.Bytes, memory.IsLimit);
            long cached = (long)sizes.BlockCount * DecoderMemory.BlockTokens;
            return new FormatFit(sizes.Weights.Name(), sizes.Kv.Name(), sizes.ContextTokens, cached, sizes.WeightBytes + sizes.KvBytes);
        }
        catch (ImpossibleSettingException)
        {
            return null; // that is what was asked
        }
    }

    private static WeightFileReport LookAtWeights(string folder)
    {
        int files = 0;
        long bytes = 0;
        try
        {
            var found = WeightFolder.FileNames(folder).Select(name => new FileInfo(Path.Combine(folder, name))).ToImmutableArray();
            files = found.Length;
            bytes = found.Sum(file => file.Exists ? file.Length : 0);
            using var checkpoint = Checkpoint.Open(folder);
            DecoderWeights weights = checkpoint.ReadDecoder();
            return new WeightFileReport(files, bytes, weights.Layers[0].Attention.Output.Weight[0].Type.ToString(), null);
        }
        catch (CheckpointException problem)
        {
            return new WeightFileReport(files, bytes, null, problem.Message);
        }
    }

    private static TextReport LookAtText(string folder)
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
}
