using System.CommandLine;
using GlmCluster.Checkpoints.Configuration;

namespace GlmCluster.Cli.Serving;

/// <summary>Options of a command that can make up weights of a published model's shape instead of loading a folder.</summary>
internal sealed class ShapeOptions
{
    private readonly Option<string?> _shape = new("--shape")
    {
        Description = $"Made-up weights of a published model's shape instead of a folder: {string.Join(", ", ModelShapes.Names)}.",
        HelpName = "NAME",
    };

    private readonly Option<int?> _layers = new("--layers") { Description = "With --shape: fewer layers than the published model.", HelpName = "N" };

    public ShapeOptions()
    {
        _shape.AcceptOnlyFromAmong([.. ModelShapes.Names]);
        _layers.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 1000)
            {
                result.AddError($"--layers is {result.GetValueOrDefault<int?>()}. Allowed: 1 to 1000.");
            }
        });
    }

    public void AddTo(Command command)
    {
        command.Options.Add(_shape);
        command.Options.Add(_layers);
    }

    /// <summary>The shape that the command line names; null: a folder is loaded.</summary>
    public ModelShape? Read(ParseResult parsed) => parsed.GetValue(_shape) is { } name ? new ModelShape(name, parsed.GetValue(_layers)) : null;
}
