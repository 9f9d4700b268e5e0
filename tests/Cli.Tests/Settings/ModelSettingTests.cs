using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Decoding;

namespace GlmCluster.Cli.Tests.Settings;

public sealed class ModelSettingTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-settings-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Load_ModelGivenTwice_GivesTwoWithTheirNames()
    {
        ServeSettings settings = Load("{}", [], ("model", "org/first"), ("model", "two=org/second"));

        Assert.Equal([Full("org/first"), Full("org/second")], settings.Models.Select(model => model.Folder));
        Assert.Equal(["first", "two"], settings.Models.Select(model => settings.Of(model).ModelName));
    }

    [Fact]
    public void Load_ListInTheFile_EachHasItsOwnSettingsOverTheServers()
    {
        ServeSettings settings = Load(
            """
            {
              "weights": "int8", "threads": 3, "max-sequences": 4,
              "models": ["plain", { "folder": "other", "name": "b", "weights": "int4", "kv-memory": "64MB", "kv-share": 5, "threads": 1 }]
            }
            """,
            []);

        ServeSettings[] models = [.. settings.Models.Select(settings.Of)];
        Assert.Equal(["plain", "b"], models.Select(model => model.ModelName));
        Assert.Equal([Full("plain"), Full("other")], models.Select(model => model.ModelFolder));
        Assert.Equal([WeightFormat.Int8, WeightFormats.ByName["int4"]], models.Select(model => model.Weights!.Value));
        Assert.Equal([3, 1], models.Select(model => model.Threads));
        Assert.Equal([4, 4], models.Select(model => model.MaxSequences));
        Assert.Equal([null, 64L << 20], models.Select(model => model.KvMemoryBytes));
        Assert.Equal([1, 5], models.Select(model => model.KvShare));
    }

    [Fact]
    public void Load_SeveralSources_TheLatestThatNamesModelsWins()
    {
        const string File = """{ "models": ["a", "b"] }""";

        Assert.Equal(2, Load(File, []).Models.Length);
        Assert.Equal([Full("c")], Load(File, new() { ["GLM_MODEL"] = "c" }).Models.Select(model => model.Folder));
        Assert.Equal([Full("d"), Full("e")], Load(File, new() { ["GLM_MODEL"] = "c" }, ("model", "d"), ("model", "e")).Models.Select(model => model.Folder));
    }

    [Fact]
    public void Load_FolderWithAnEqualsSign_IsAFolder()
    {
        Directory.CreateDirectory(Full("a=b"));

        Assert.Equal("a=b", Load("{}", [], ("model", "a=b")).ModelName);
        Assert.Equal("c=d", Load("{}", [], ("model", "./c=d")).ModelName);
    }

    [Fact]
    public void Load_ModelNameWithOneModel_NamesIt() => Assert.Equal("x", Load("{}", [], ("model", "a"), ("model-name", "x")).ModelName);

    [Fact]
    public void Load_ModelNameWithTwoModels_SaysHowToNameThem() =>
        Assert.Contains("NAME=FOLDER", ProblemOf(() => Load("{}", [], ("model", "a"), ("model", "b"), ("model-name", "x"))), StringComparison.Ordinal);

    [Fact]
    public void Load_TwoOfOneName_NamesIt() =>
        Assert.StartsWith("2 models are called 'glm'.", ProblemOf(() => Load("{}", [], ("model", "a/glm"), ("model", "b/glm"))), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{ "models": "a" }""", "\"models\" in ", "models is not valid JSON")]
    [InlineData("""{ "models": { "a": "b" } }""", "\"models\" in ", "models is not valid JSON")]
    [InlineData("""{ "models": ["a", 7] }""", "models[1] must be a folder", "")]
    [InlineData("""{ "models": [{ "name": "a" }] }""", "models[0] must be a folder", "")]
    [InlineData("""{ "models": [{ "folder": "a", "wieghts": "int8" }] }""", "\"wieghts\" of models[0] is not a setting of a model", "kv-memory")]
    [InlineData("""{ "models": [{ "folder": "a", "port": 1 }] }""", "\"port\" of models[0] is not a setting of a model", "")]
    [InlineData("""{ "models": [{ "folder": "a", "weights": "f64" }] }""", "\"weights\" of models[0] is 'f64'", "Allowed: auto, f32")]
    [InlineData("""{ "models": [{ "folder": "a", "step-tokens": 8, "max-sequences": 9 }] }""", "step-tokens is 8 and max-sequences is 9", "")]
    public void Load_WrongMember_IsNamed(string file, string expected, string more)
    {
        string problem = ProblemOf(() => Load(file, []));

        Assert.Contains(expected, problem, StringComparison.Ordinal);
        Assert.Contains(more, problem, StringComparison.Ordinal);
    }

    private static string ProblemOf(Func<ServeSettings> load) => Assert.Single(Assert.Throws<SettingsException>(load).Problems);

    private string Full(string path) => Path.Combine(_folder.FullName, path);

    private ServeSettings Load(string file, Dictionary<string, string> environment, params (string Name, string Value)[] commandLine)
    {
        File.WriteAllText(Full("glm.json"), file);
        return SettingsLoader.Load(new SettingsSources
        {
            WorkingFolder = _folder.FullName,
            Environment = environment,
            CommandLine = [.. commandLine.Select(pair => KeyValuePair.Create(pair.Name, pair.Value))],
        });
    }
}
