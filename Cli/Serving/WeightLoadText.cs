using System.Globalization;
using GlmCluster.Engine.WeightCache;

namespace GlmCluster.Cli.Serving;

/// <summary>Says in a line where weights came from and what took how long.</summary>
internal static class WeightLoadText
{
    public static string Describe(WeightLoadReport report)
    {
        string prepacked = $"prepacked in {Seconds(report.Prepack)}";
        if (report.ReadFrom is { } file)
        {
            return $"weights from {file}: read in {Seconds(report.Read)}, verified in {Seconds(report.Verify)}, {prepacked}";
        }

        string kept = report.WrittenTo is { } written ? $", kept in {written}" : "";
        return $"weights from the checkpoint, prepared in {Seconds(report.Convert)}{kept}, {prepacked}";
    }

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:N2} s");
}
