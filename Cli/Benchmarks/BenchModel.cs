using System.Globalization;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Decoding;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.Benchmarks;

/// <summary>What is measured.</summary>
/// <param name="Settings">Of the server; it takes a free port and keeps nothing.</param>
/// <param name="Shape">Made-up weights of this shape; null: the folder of the settings.</param>
internal sealed record BenchModel(ServeSettings Settings, ModelShape? Shape)
{
    public string Title => Shape?.ToString() ?? Settings.ModelName;

    /// <summary>Loads it as a server would.</summary>
    public async Task<LoadedModel> LoadAsync(CancellationToken cancellationToken)
    {
        using LoadProgressLine? progress = Console.IsErrorRedirected ? null : new LoadProgressLine(Console.Error);
        return Shape is null
            ? await new ModelLoader(Settings.ToLoadOptions(), TimeProvider.System, progress).LoadFolderAsync(cancellationToken)
            : await Shape.LoadAsync(Settings, progress, cancellationToken);
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
