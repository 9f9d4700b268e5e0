using System.CommandLine;
using GlmCluster.Checkpoints;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Silo.Loading;
using GlmCluster.Silo.Synthetic;

namespace GlmCluster.Cli.Cluster;

/// <summary>Options of a silo that runs a made-up model, to measure a cluster: weights of a shape, or no arithmetic at all.</summary>
internal sealed class SiloModelOptions
{
    private const double SlowestSteps = 0.1;
    private const double FastestSteps = 1000;

    private readonly ShapeOptions _shape = new();

    private readonly Option<bool> _synthetic = new("--synthetic")
    {
        Description = "A model without weights: its steps take a stated time, its answers are letters that depend on all ids before them. It has the model's text side.",
    };

    private readonly Option<double> _stepsPerSecond = new("--steps-per-second")
    {
        Description = "With --synthetic: its pace, whatever is in a step. Default: 30.",
        HelpName = "N",
        DefaultValueFactory = _ => 30,
    };

    public void AddTo(Command command)
    {
        _shape.AddTo(command);
        command.Options.Add(_synthetic);
        command.Options.Add(_stepsPerSecond);
        _stepsPerSecond.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (>= SlowestSteps and <= FastestSteps))
            {
                result.AddError(FormattableString.Invariant(
                    $"--steps-per-second is {result.GetValueOrDefault<double>()}. Allowed: {SlowestSteps} to {FastestSteps}."));
            }
        });
    }

    /// <summary>What the command line asks for.</summary>
    /// <exception cref="ImpossibleSettingException">It asks for two.</exception>
    public MadeUpModel Read(ParseResult parsed)
    {
        ModelShape? shape = _shape.Read(parsed);
        bool isSynthetic = parsed.GetValue(_synthetic);
        return shape is null || !isSynthetic
            ? new MadeUpModel(shape, isSynthetic ? parsed.GetValue(_stepsPerSecond) : null)
            : throw new ImpossibleSettingException("--synthetic has no weights, --shape makes weights up. Give one of the two.");
    }
}

/// <summary>Which made-up model a silo runs.</summary>
/// <param name="Shape">Weights of this shape; null: none.</param>
/// <param name="StepsPerSecond">No weights, steps at this pace; null: none.</param>
internal sealed record MadeUpModel(ModelShape? Shape, double? StepsPerSecond)
{
    public const string SyntheticName = "synthetic";

    /// <returns>Null: models are loaded from folders.</returns>
    public async Task<LoadedModel?> LoadAsync(ServeSettings settings, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        if (StepsPerSecond is { } pace)
        {
            return SyntheticModel.Create(settings.ToLoadOptions() with { Name = settings.ModelNameOverride ?? SyntheticName }, pace, TimeProvider.System);
        }

        return Shape is null ? null : await Shape.LoadAsync(settings, progress, cancellationToken);
    }
}
