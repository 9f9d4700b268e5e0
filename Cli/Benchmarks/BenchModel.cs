using System.Globalization;
using GlmCluster.Bench;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Decoding;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.Benchmarks;

/// <summary>What is measured.</summary>
/// <param name="Settings">Of the server; it takes a free port and keeps nothing.</param>
/// <param name="Shape">Made-up weights of this shape; null: the folder of the settings.</param>
/// <param name="Layers">Layers of the shape; null: as published.</param>
internal sealed record BenchModel(ServeSettings Settings, string? Shape, int? Layers)
{
    public string Title => Shape is null ? Settings.ModelName : Layers is null ? Shape : $"{Shape} with {Layers} layers";

    /// <summary>Loads it as a server would.</summary>
    public async Task<LoadedModel> LoadAsync(CancellationToken cancellationToken)
    {
        using LoadProgressLine? progress = Console.IsErrorRedirected ? null : new LoadProgressLine(Console.Error);
        var loader = new ModelLoader(Settings.ToLoadOptions(), TimeProvider.System, progress);
        if (Shape is null)
        {
            return await loader.LoadFolderAsync(cancellationToken);
        }

        DecoderConfiguration configuration = ModelShapes.Get(Shape, Layers);
        var weights = new SyntheticWeights(configuration, seed: 1);
        return await loader.LoadSyntheticAsync(configuration, weights, SyntheticText.For(configuration), cancellationToken);
    }

    /// <summary>What a reader of the report must know.</summary>
    public IEnumerable<(string, string)> Facts(LoadedModel model)
    {
        yield return ("version", ProgramVersion.Text);
        yield return ("model", Invariant($"{Title}, {model.Parameters / 1e6:N1} M parameters, weights {model.Card.WeightFormat}, KV {model.Sizes.Kv.Name()}"));
        yield return ("device", $"{Settings.Device}, {Settings.Threads} threads");
    }

    /// <summary>Says what is going on, where somebody looks.</summary>
    public static void Announce(FormattableString what)
    {
        if (!Console.IsErrorRedirected)
        {
            Console.Error.WriteLine($"measuring {Invariant(what)} ...");
        }
    }

    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
