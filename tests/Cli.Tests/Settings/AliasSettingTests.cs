using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Tests.Settings;

public sealed class AliasSettingTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-settings-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Load_AliasesOfAllSources_AreMergedAndLaterWin()
    {
        ServeSettings settings = Load(
            """{ "aliases": { "a": "file", "b": "file", "c": "file@abcd" } }""",
            new() { ["GLM_ALIASES"] = "b=environment,d=environment" },
            "d=line",
            "e=line,f=line@ABCDEF");

        Assert.Equal("a=file,b=environment,c=file@abcd,d=line,e=line,f=line@abcdef", AliasText.Show(settings.Aliases));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("a=")]
    [InlineData("=b")]
    [InlineData("a=b=c")]
    [InlineData("a=b@xyzw")]
    [InlineData("a=b,")]
    public void Load_ImpossibleAlias_IsNamed(string text) =>
        Assert.StartsWith($"--aliases is '{text}', which is not possible.", ProblemOf(() => Load("{}", [], text)), StringComparison.Ordinal);

    [Fact]
    public void Load_AliasOfAnAlias_IsNamed() =>
        Assert.Contains("'a' for 'b', which is an alias too", ProblemOf(() => Load("{}", [], "a=b,b=c")), StringComparison.Ordinal);

    [Fact]
    public void Load_AliasThatChoosesWeightsOfItsOwnName_IsTaken() => Assert.Equal("a@abcd", Load("{}", [], "a=a@abcd").Aliases["a"].ToString());

    [Fact]
    public void Load_ObjectWithAnObject_IsRefused() =>
        Assert.Contains("\"aliases\" in ", ProblemOf(() => Load("""{ "aliases": { "a": {} } }""", [])), StringComparison.Ordinal);

    private static string ProblemOf(Func<ServeSettings> load) => Assert.Single(Assert.Throws<SettingsException>(load).Problems);

    private ServeSettings Load(string file, Dictionary<string, string> environment, params string[] commandLine)
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "glm.json"), file);
        return SettingsLoader.Load(new SettingsSources
        {
            WorkingFolder = _folder.FullName,
            Environment = environment,
            CommandLine = [.. commandLine.Select(value => KeyValuePair.Create("aliases", value))],
        });
    }
}
