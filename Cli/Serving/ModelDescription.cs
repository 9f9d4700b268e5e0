using System.Globalization;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Silo.Embeddings;
using GlmCluster.Silo.Loading;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Serving;

/// <summary>Says what a loaded model is and what it takes.</summary>
internal static class ModelDescription
{
    /// <summary>For people at the terminal.</summary>
    public static IEnumerable<string> Lines(LoadedModel model)
    {
        ModelSizes sizes = model.Sizes;
        string weights = Invariant($"weights {model.Card.WeightFormat} {sizes.WeightBytes / 1048576.0:N0} MiB");
        string size = Invariant($"{model.Parameters / 1e6:N1} M parameters, {weights}");
        string kv = Invariant($"KV cache {sizes.Kv.Name()} up to {sizes.KvBytes / 1048576.0:N0} MiB");
        yield return Invariant($"Model   {model.Card.Model.Name} ({model.Card.Architecture}, {size})");
        yield return Invariant($"        {(model.Folder is null ? "made up" : "loaded")} in {model.LoadTime.TotalSeconds:N2} s{(model.Folder is null ? "" : " from ")}{model.Folder}");
        if (model.Folder is not null)
        {
            yield return $"        {WeightLoadText.Describe(model.WeightLoad)}";
        }

        yield return Invariant($"        on {model.Device}, {model.Threads} threads; context {sizes.ContextTokens:N0} tokens; {kv}");
        foreach (StageShare stage in model.Stages.Length > 1 ? model.Stages : [])
        {
            string layers = Invariant($"layers {stage.Layers.First} to {stage.Layers.End - 1}, threads {stage.Threads}");
            string memory = Invariant($"weights {stage.WeightBytes / 1048576.0:N0} MiB, KV cache up to {stage.KvBytes / 1048576.0:N0} MiB");
            yield return $"        {stage.Device}: {layers}, {memory}";
        }

        if (model.Text.ChatTemplateProblem is { } problem)
        {
            yield return $"        no chat: {problem} /v1/completions works.";
        }
    }

    /// <summary>The same of an embedding model.</summary>
    public static IEnumerable<string> Lines(LoadedEncoder model)
    {
        string size = Invariant($"weights {model.Card.WeightFormat} {model.WeightBytes / 1048576.0:N0} MiB");
        yield return Invariant($"Embeds  {model.Card.Model.Name} ({model.Card.Architecture}, {size}; {model.Card.Embedding!.Dimensions} dimensions, up to {model.Card.ContextTokens:N0} tokens)");
        yield return Invariant($"        loaded in {model.LoadTime.TotalSeconds:N2} s from {model.Folder}");
    }

    /// <summary>For the log.</summary>
    public static void ModelLoaded(this ILogger logger, LoadedModel model)
    {
        logger.ModelLoaded(model.Card.Model.Name, model.LoadTime, WeightLoadText.Describe(model.WeightLoad));
        foreach (string note in model.WeightLoad.Notes)
        {
            logger.WeightCacheNote(note);
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
