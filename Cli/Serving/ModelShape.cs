using GlmCluster.Bench;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Cli.Settings;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.Serving;

/// <summary>Sizes of a published model whose weights are made up.</summary>
/// <param name="Name">One of <see cref="ModelShapes.Names"/>.</param>
/// <param name="Layers">Null: as published.</param>
internal sealed record ModelShape(string Name, int? Layers)
{
    public override string ToString() => Layers is null ? Name : FormattableString.Invariant($"{Name} with {Layers} layers");

    /// <summary>Makes the weights, the same ones each time, and a text side in which every id prints something.</summary>
    /// <exception cref="ImpossibleSettingException">It does not fit.</exception>
    public Task<LoadedModel> LoadAsync(ServeSettings settings, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        DecoderConfiguration configuration = ModelShapes.Get(Name, Layers);
        var loader = new ModelLoader(settings.ToLoadOptions() with { Name = settings.ModelNameOverride ?? Name }, TimeProvider.System, progress);
        var weights = new SyntheticWeights(configuration, seed: 1);
        return loader.LoadSyntheticAsync(configuration, weights, SyntheticText.For(configuration), cancellationToken);
    }
}
