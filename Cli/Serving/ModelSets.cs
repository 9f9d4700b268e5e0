using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Cli.Settings;
using GlmCluster.Silo.Embeddings;
using GlmCluster.Silo.Hosting;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.Serving;

/// <summary>Loads what the settings name: what embedding models need is set aside, the rest goes to those that generate.</summary>
internal static class ModelSets
{
    /// <summary>Whether a model is one that makes embeddings.</summary>
    public static bool IsEncoder(ModelEntry model) =>
        File.Exists(Path.Combine(model.Folder, "config.json")) && EncoderConfigurationReader.IsEncoder(model.Folder);

    /// <summary>The settings with the embedding model of its own setting, where none of the models is one.</summary>
    public static ServeSettings WithEmbeddingModel(this ServeSettings settings) =>
        settings.EmbeddingModelFolder is { } folder && !settings.Models.Any(IsEncoder)
            ? settings with { Models = settings.Models.Add(new ModelEntry(folder, Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)))) }
            : settings;

    public static async Task LoadAsync(
        ServeSettings settings,
        ModelHost models,
        EmbeddingHost embeddings,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        ModelLoadOptions[] encoders = [.. settings.Models.Where(IsEncoder).Select(model => settings.Of(model).ToLoadOptions())];
        ModelLoadOptions[] generating =
        [
            .. settings.Models.Where(model => !IsEncoder(model)).Select(model => settings.Of(model).ToLoadOptions() with
            {
                Others = [.. encoders.Select(EncoderLoader.Measure)],
            }),
        ];
        if (generating.Length > 0)
        {
            await models.LoadAsync(generating, progress, cancellationToken);
        }

        foreach (ModelLoadOptions encoder in encoders)
        {
            await embeddings.LoadAsync(encoder with { Others = [.. models.Models.Select(model => model.Memory)] }, progress, cancellationToken);
        }
    }
}
