using System.Xml.Linq;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Repository;

/// <summary>The one-way references of docs/architecture.md.</summary>
public sealed class ProjectReferencesTests
{
    private static readonly Dictionary<string, string[]> AllowedReferences = new()
    {
        ["Grains.Abstractions"] = [],
        ["Grains"] = ["Grains.Abstractions"],
        ["Checkpoints"] = [],
        ["Engine"] = ["Checkpoints"],
        ["Silo"] = ["Grains", "Checkpoints", "Engine"],
        ["Gateway"] = ["Grains", "Checkpoints"],
        ["Bench"] = ["Checkpoints", "Engine", "Grains"],
        ["Cli"] = ["Gateway", "Silo", "Bench"],
    };

    /// <summary>Packages and frameworks, by the start of their names, and the only projects that may use them.</summary>
    private static readonly (string Prefix, string[] Projects)[] Owners =
    [
        ("Microsoft.AspNetCore", ["Gateway"]),
        ("Microsoft.ML.OnnxRuntime", ["Engine"]),
        ("Microsoft.Data.Sqlite", ["Grains"]),
        ("SQLitePCLRaw", ["Grains"]),
        ("Npgsql", ["Grains"]),
        ("Microsoft.Orleans", ["Grains"]),
        ("System.CommandLine", ["Cli"]),
    ];

    private static IEnumerable<string> ProjectFiles =>
        Directory.EnumerateDirectories(RepositoryFolder.Path()).SelectMany(folder => Directory.EnumerateFiles(folder, "*.csproj"));

    public static TheoryData<string> Projects => [.. AllowedReferences.Keys];

    [Fact]
    public void Solution_TopLevelProjects_AreThoseOfTheArchitecture() =>
        Assert.Equal(
            AllowedReferences.Keys.Order(),
            ProjectFiles.Select(Path.GetFileNameWithoutExtension).Order());

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_References_PointOneWay(string project)
    {
        IEnumerable<string> references = Includes(project, "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path));

        Assert.Subset(AllowedReferences[project].ToHashSet(), references.ToHashSet());
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_Packages_StayWithTheirOwners(string project)
    {
        IEnumerable<string> foreign =
            from package in Includes(project, "PackageReference").Concat(Includes(project, "FrameworkReference"))
            from owner in Owners
            where package.StartsWith(owner.Prefix, StringComparison.Ordinal) && !owner.Projects.Contains(project)
            select package;

        Assert.Empty(foreign);
    }

    [Fact]
    public void Gateway_NeverReachesTheEngine() => Assert.DoesNotContain("Engine", Reachable("Gateway"));

    private static HashSet<string> Reachable(string project) =>
        [project, .. Includes(project, "ProjectReference").SelectMany(path => Reachable(Path.GetFileNameWithoutExtension(path)))];

    private static IEnumerable<string> Includes(string project, string element) =>
        XDocument.Load(ProjectFiles.Single(file => Path.GetFileNameWithoutExtension(file) == project)).Descendants(element).Select(item => (string)item.Attribute("Include")!);
}
