using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Encoders;
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
        return EncoderConfigurationReader.IsEncoder(folder)
            ? EncoderInspector.Inspect(EncoderConfigurationReader.Read(folder), FolderContents.WeightsOfEncoder(folder), FolderContents.Text(folder), MachineMemory.Read())
            : Inspect(DecoderConfigurationReader.Read(folder), FolderContents.WeightsOfDecoder(folder), FolderContents.Text(folder), MachineMemory.Read());
    }

    internal static ModelInspection Inspect(DecoderConfiguration configuration, WeightFileReport files, TextReport text, MachineMemory memory)
    {
        WeightFormat[] weights = Enum.GetValues<WeightFormat>();
        KvFormat[] kvs = Enum.GetValues<KvFormat>();
        return new ModelInspection
        {
            Kind = "chat",
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
}
