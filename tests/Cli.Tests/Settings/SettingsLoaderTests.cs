using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Decoding;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Tests.Settings;

public sealed class SettingsLoaderTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-settings-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Load_NothingGiven_TakesDefaults()
    {
        ServeSettings settings = Load();

        Assert.Equal("glm-nano", settings.ModelName);
        Assert.True(File.Exists(Path.Combine(settings.ModelFolder, "config.json")));
        Assert.Equal("127.0.0.1", settings.Host);
        Assert.Equal(8000, settings.Port);
        Assert.Equal(Environment.ProcessorCount, settings.Threads);
        Assert.Null(settings.Weights);
        Assert.Null(settings.MaxContext);
        Assert.Equal(TimeSpan.FromSeconds(60), settings.ResumeWindow);
        Assert.Equal(TimeSpan.FromHours(24), settings.ConversationTtl);
        Assert.True(Path.IsPathFullyQualified(settings.StoreFile!));
        Assert.True(Path.IsPathFullyQualified(settings.CacheFolder));
    }

    [Theory]
    [InlineData(null, null, 8000)]
    [InlineData(null, "1002", 1002)]
    [InlineData("1003", null, 1003)]
    [InlineData("1003", "1002", 1003)]
    public void Load_SeveralSources_LaterWins(string? commandLine, string? environment, int expected)
    {
        var variables = new Dictionary<string, string>();
        if (environment is not null)
        {
            variables["GLM_PORT"] = environment;
            WriteFile("""{ "port": 1001 }""");
        }

        Assert.Equal(expected, Load(variables, commandLine is null ? [] : [("port", commandLine)]).Port);
    }

    [Fact]
    public void Load_File_ReadsEveryKindOfValue()
    {
        WriteFile(
            """
            {
              // how the demo runs
              "port": 1001,
              "kv-memory": "512MB",
              "weights": "int8",
              "log-level": "warning",
              "resume-window": "90s",
              "store": "memory",
            }
            """);

        ServeSettings settings = Load();

        Assert.Equal(1001, settings.Port);
        Assert.Equal(512L << 20, settings.KvMemoryBytes);
        Assert.Equal(WeightFormat.Int8, settings.Weights);
        Assert.Equal(LogLevel.Warning, settings.LogLevel);
        Assert.Equal(TimeSpan.FromSeconds(90), settings.ResumeWindow);
        Assert.Null(settings.StoreFile);
    }

    [Fact]
    public void Load_RelativePathInNamedFile_StartsAtTheFile()
    {
        DirectoryInfo other = _folder.CreateSubdirectory("other");
        File.WriteAllText(Path.Combine(other.FullName, "my.json"), """{ "model": "models/glm", "store": "s.db" }""");

        ServeSettings settings = SettingsLoader.Load(new SettingsSources
        {
            WorkingFolder = _folder.FullName,
            ConfigFile = "other/my.json",
            CommandLine = [new("store", "t.db")],
        });

        Assert.Equal(Path.Combine(other.FullName, "models", "glm"), settings.ModelFolder);
        Assert.Equal("glm", settings.ModelName);
        Assert.Equal(Path.Combine(_folder.FullName, "t.db"), settings.StoreFile);
    }

    [Fact]
    public void Load_VariableNamesFile_ReadsIt()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "other.json"), """{ "port": 1004 }""");

        Assert.Equal(1004, Load(new() { ["GLM_CONFIG"] = "other.json" }).Port);
    }

    [Fact]
    public void Load_SeveralProblems_NamesAllAsWritten()
    {
        WriteFile("""{ "prot": 1, "threads": 0, "device": ["cpu:0"] }""");

        SettingsException error = Assert.Throws<SettingsException>(
            () => Load(new() { ["GLM_PORT"] = "99999", ["GLM_UNKNOWN"] = "1", ["PATH"] = "/bin" }, [("weights", "f64")]));

        string file = Path.Combine(_folder.FullName, "glm.json");
        Assert.Equal(
            [
                $"\"device\" in {file} must be text, a number, true or false.",
                $"\"prot\" in {file} is not a setting. `glm serve --help` lists them.",
                $"\"threads\" in {file} is '0', which is not possible. Allowed: a whole number, 1 to 1024.",
                "GLM_PORT is '99999', which is not possible. Allowed: a whole number, 0 to 65535.",
                "GLM_UNKNOWN is not a setting. `glm serve --help` lists them.",
                "--weights is 'f64', which is not possible. Allowed: auto, f32, int8, int4, int4-32, int4-128.",
            ],
            error.Problems);
    }

    [Theory]
    [InlineData("model", "")]
    [InlineData("model-name", "")]
    [InlineData("host", "not a host")]
    [InlineData("port", "-1")]
    [InlineData("port", "8000.5")]
    [InlineData("max-context", "15")]
    [InlineData("kv-format", "f16")]
    [InlineData("kv-memory", "100KB")]
    [InlineData("kv-memory", "9999999999TB")]
    [InlineData("kv-memory", "NaN")]
    [InlineData("store", " ")]
    [InlineData("device", "tpu:0")]
    [InlineData("device", "cpu:")]
    [InlineData("resume-window", "60")]
    [InlineData("resume-window", "25h")]
    [InlineData("conversation-ttl", "99999999999999d")]
    [InlineData("log-level", "loud")]
    public void Load_ImpossibleValue_NamesKeyAndValue(string name, string value)
    {
        string problem = Assert.Single(Assert.Throws<SettingsException>(() => Load([], [(name, value)])).Problems);

        Assert.StartsWith($"--{name} is '{value}', which is not possible. Allowed: ", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_StepTooSmallForItsSequences_NamesBoth()
    {
        SettingsException error = Assert.Throws<SettingsException>(() => Load([], [("step-tokens", "8"), ("max-sequences", "9")]));

        Assert.Contains("step-tokens is 8 and max-sequences is 9", Assert.Single(error.Problems), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{ \"port\": 1, \"port\": 2 }")]
    [InlineData("{ \"port\": 1")]
    public void Load_BrokenFile_NamesTheFile(string content)
    {
        WriteFile(content);

        Assert.Contains("glm.json", Assert.Single(Assert.Throws<SettingsException>(() => Load()).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NamedFileMissing_SaysSo()
    {
        SettingsException error = Assert.Throws<SettingsException>(() => Load(new() { ["GLM_CONFIG"] = "missing.json" }));

        Assert.Contains("missing.json cannot be read", Assert.Single(error.Problems), StringComparison.Ordinal);
    }

    private ServeSettings Load(Dictionary<string, string>? environment = null, (string Name, string Value)[]? commandLine = null) =>
        SettingsLoader.Load(new SettingsSources
        {
            WorkingFolder = _folder.FullName,
            Environment = environment ?? [],
            CommandLine = [.. (commandLine ?? []).Select(pair => KeyValuePair.Create(pair.Name, pair.Value))],
        });

    private void WriteFile(string content) => File.WriteAllText(Path.Combine(_folder.FullName, "glm.json"), content);
}
