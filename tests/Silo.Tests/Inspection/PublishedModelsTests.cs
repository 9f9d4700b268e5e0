using System.Globalization;
using System.Text.Json;
using GlmCluster.Silo.Inspection;
using GlmCluster.TestKit;

namespace GlmCluster.Silo.Tests.Inspection;

/// <summary>The table in docs/models.md holds what inspecting the published configurations gives.</summary>
public sealed class PublishedModelsTests
{
    private const double MiB = 1 << 20;
    private const double GiB = 1 << 30;

    public static TheoryData<string> Names() =>
        [.. JsonDocument.Parse(File.ReadAllBytes(Configurations)).RootElement.EnumerateObject().Select(model => model.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Document_PublishedModel_HasItsNumbers(string name)
    {
        ModelInspection model = Inspect(name);

        string[] cells = FindRow(name);

        Assert.Equal(Expected(model), cells[1..^1]);
        Assert.NotEmpty(cells[^1]);
    }

    private static string Configurations => RepositoryFolder.Path("tests", "data", "published", "models.json");

    private static string[] Expected(ModelInspection model)
    {
        bool isChat = !model.Kv.IsEmpty;
        string Weights(string format)
        {
            long bytes = model.Weights.Single(need => need.Format == format).Bytes;
            return isChat ? Invariant($"{bytes / GiB:F1}") : Invariant($"{bytes / MiB:N0}");
        }

        List<string> cells = [Parameters(model), Weights("f32"), Weights("int8"), Weights("int4-32"), Weights("int4-128")];
        if (isChat)
        {
            cells.Add(Invariant($"{model.Kv.Single(need => need.Format == "bf16").BytesPer1kTokens / MiB:N0}"));
        }

        return [.. cells, Invariant($"{model.Dimensions.ContextTokens:N0}")];
    }

    private static string Parameters(ModelInspection model)
    {
        string all = model.Parameters >= 1e9 ? Invariant($"{model.Parameters / 1e9:F1} B") : Invariant($"{model.Parameters / 1e6:F0} M");
        return model.ParametersPerToken == model.Parameters ? all : Invariant($"{all} ({model.ParametersPerToken / 1e9:F1} B)");
    }

    private static string[] FindRow(string name) =>
    [
        .. File.ReadLines(RepositoryFolder.Path("docs", "models.md"))
            .Single(line => line.StartsWith($"| {name} |", StringComparison.Ordinal))
            .Split('|')[1..^1].Select(cell => cell.Trim()),
    ];

    private static ModelInspection Inspect(string name)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("glm-inspect-");
        using JsonDocument all = JsonDocument.Parse(File.ReadAllBytes(Configurations));
        File.WriteAllText(Path.Combine(folder.FullName, "config.json"), all.RootElement.GetProperty(name).GetRawText());
        ModelInspection inspection = ModelInspector.Inspect(folder.FullName);
        folder.Delete(recursive: true);
        return inspection;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
