using System.Text.Json;
using System.Xml.Linq;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Repository;

public sealed class DependenciesDocumentTests
{
    private static readonly string Document = File.ReadAllText(RepositoryFolder.Path("dependencies.md"));

    [Fact]
    public void Document_NuGetPackages_NamesEveryOne() =>
        Assert.All(
            XDocument.Load(RepositoryFolder.Path("Directory.Packages.props")).Descendants("PackageVersion"),
            package => Assert.Contains($"`{(string)package.Attribute("Include")!}`", Document, StringComparison.Ordinal));

    [Theory]
    [InlineData("native")]
    [InlineData("native", "postgres")]
    [InlineData("tests", "clients")]
    public void Document_NpmPackages_NamesEveryOne(params string[] folder)
    {
        using JsonDocument package = JsonDocument.Parse(File.ReadAllBytes(RepositoryFolder.Path([.. folder, "package.json"])));
        IEnumerable<string> names =
            from section in package.RootElement.EnumerateObject()
            where section.Name.EndsWith("ependencies", StringComparison.Ordinal)
            from dependency in section.Value.EnumerateObject()
            select dependency.Name;

        Assert.All(names, name => Assert.Contains($"`{name}`", Document, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("native")]
    [InlineData("native", "postgres")]
    [InlineData("tests", "clients")]
    public void NpmLock_EveryPackage_HasAChecksumAndNoHost(params string[] folder)
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllBytes(RepositoryFolder.Path([.. folder, "package-lock.json"])));
        IEnumerable<JsonProperty> packages = file.RootElement.GetProperty("packages").EnumerateObject().Where(package => package.Name.Length > 0);

        Assert.All(packages, package =>
        {
            Assert.StartsWith("sha512-", package.Value.GetProperty("integrity").GetString(), StringComparison.Ordinal);
            Assert.False(package.Value.TryGetProperty("resolved", out _));
        });
    }
}
