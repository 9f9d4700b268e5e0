using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Embeddings;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Silo.Inspection;

/// <summary>What an embedding model needs. It has no KV cache: a text's tokens are computed together and forgotten.</summary>
internal static class EncoderInspector
{
    public static ModelInspection Inspect(EncoderConfiguration configuration, WeightFileReport files, TextReport text, MachineMemory memory)
    {
        WeightNeed[] needs = [.. Enum.GetValues<WeightFormat>().Select(format => new WeightNeed(format.Name(), EncoderMemory.WeightBytes(configuration, format)))];
        FormatFit[] fits = [.. needs.Select(need => new FormatFit(need.Format, null, need.Bytes <= memory.Bytes ? configuration.ContextTokens : 0, 0, need.Bytes))];
        long parameters = EncoderMemory.Parameters(configuration);
        return new ModelInspection
        {
            Kind = "embedding",
            Architecture = configuration.Family.ModelType,
            Family = configuration.Family.Models,
            Parameters = parameters,
            ParametersPerToken = parameters,
            Dimensions = ToDimensions(configuration),
            WeightFiles = files,
            Text = text,
            Weights = [.. needs],
            EmbeddingFileBytes = EncoderMemory.TableElements(configuration) * sizeof(float),
            Kv = [],
            Machine = new MachineFit(memory.Bytes, memory.IsLimit, null, [.. fits]),
        };
    }

    private static ModelDimensions ToDimensions(EncoderConfiguration configuration) => new(
        configuration.Layers,
        configuration.HiddenSize,
        configuration.FeedForwardSize,
        configuration.Heads,
        configuration.Heads,
        configuration.HeadDim,
        configuration.VocabularySize,
        configuration.ContextTokens,
        CachedWidth: 0,
        Experts: 0,
        ExpertsPerToken: 0,
        ExpertWidth: 0);
}
