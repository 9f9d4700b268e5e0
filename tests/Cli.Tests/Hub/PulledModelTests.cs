using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Tests.Hub;

/// <summary>The commands over a folder of pulled models.</summary>
public sealed class PulledModelTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-models-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task PullListRemove_ByName_DoWhatTheySay()
    {
        await using TestHub hub = await TestHub.StartAsync();
        string[] common = ["--models-dir", Models];

        (int pulled, string report, _) = await RunAsync(["model", "pull", TestHub.Model, "--endpoint", hub.Url.ToString(), .. common]);
        (int listed, string list, _) = await RunAsync(["model", "list", "--url", "http://127.0.0.1:9", .. common]);
        (int refused, _, _) = await RunAsync(["model", "remove", TestHub.Model, .. common]); // standard input is empty: that is no
        bool isThere = Directory.Exists(Path.Combine(Models, "org", "tiny-model"));
        (int removed, string goodbye, _) = await RunAsync(["model", "remove", TestHub.Model, "--yes", .. common]);

        Assert.Equal((0, 0, 1, 0), (pulled, listed, refused, removed));
        Assert.Contains($"{TestHub.Model} at {TestHub.Commit}: 4 files, 2.9 MiB", report, StringComparison.Ordinal);
        Assert.Matches(@"org/tiny-model +2.9 MiB +complete", list);
        Assert.Contains("No server answers at http://127.0.0.1:9", list, StringComparison.Ordinal);
        Assert.True(isThere);
        Assert.Contains("Deleted org/tiny-model, 2.9 MiB", goodbye, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Models));
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("org/..")]
    [InlineData("org")]
    [InlineData("org/gone")]
    public async Task Remove_WhatIsNoPulledModel_IsRefused(string name)
    {
        string outside = _folder.CreateSubdirectory("outside").FullName;
        _folder.CreateSubdirectory(Path.Combine("models", "org"));

        (int exitCode, _, string errors) = await RunAsync("model", "remove", name, "--yes", "--models-dir", Models);

        Assert.Equal(1, exitCode);
        Assert.Contains("glm model list", errors, StringComparison.Ordinal);
        Assert.True(Directory.Exists(outside));
        Assert.True(Directory.Exists(Path.Combine(Models, "org")));
    }

    [Fact]
    public async Task Remove_ModelThatIsALink_LeavesWhatItLeadsTo()
    {
        string outside = _folder.CreateSubdirectory("outside").FullName;
        await File.WriteAllTextAsync(Path.Combine(outside, "kept.txt"), "kept");
        _folder.CreateSubdirectory(Path.Combine("models", "org"));
        Directory.CreateSymbolicLink(Path.Combine(Models, "org", "linked"), outside);

        (int exitCode, _, _) = await RunAsync("model", "remove", "org/linked", "--yes", "--models-dir", Models);

        Assert.Equal(0, exitCode);
        Assert.True(File.Exists(Path.Combine(outside, "kept.txt")));
    }

    [Theory]
    [InlineData("org/nano", 0)]
    [InlineData("org/gone", 2)]
    public async Task Inspect_ByName_FindsPulledModel(string name, int exitCode)
    {
        string folder = _folder.CreateSubdirectory(Path.Combine("models", "org", "nano")).FullName;
        File.Copy(TestKit.RepositoryFolder.Path("assets", "glm-nano", "config.json"), Path.Combine(folder, "config.json"));
        using GlmProcess glm = GlmProcess.StartWith([("GLM_MODELS_DIR", Models)], "model", "inspect", name);

        string output = await glm.Output.ReadToEndAsync() + await glm.Errors.ReadToEndAsync();

        Assert.Equal(exitCode, await glm.WaitAsync());
        Assert.Contains(exitCode == 0 ? "architecture  glm" : "no pulled model of that name", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_NotAPublishedName_IsRefused()
    {
        (int exitCode, _, string errors) = await RunAsync("model", "pull", "nonsense");

        Assert.Equal(2, exitCode);
        Assert.Contains("ORG/NAME", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("list", "--url", "nonsense")]
    [InlineData("pull", "org/model", "--endpoint", "ftp://host")]
    public async Task Address_ThatIsNone_IsRefused(params string[] arguments)
    {
        (int exitCode, _, string errors) = await RunAsync(["model", .. arguments]);

        Assert.Equal(2, exitCode);
        Assert.Contains(arguments[^1], errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_TokenOnCommandLine_IsNoOption()
    {
        (int exitCode, _, string errors) = await RunAsync("model", "pull", TestHub.Model, "--hub-token", "secret");

        Assert.Equal(2, exitCode);
        Assert.Contains("--hub-token", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ModelThatWasPulled_IsFoundByItsName()
    {
        string pulled = _folder.CreateSubdirectory(Path.Combine("models", "org", "tiny-model")).FullName;

        ServeSettings settings = SettingsLoader.Load(new SettingsSources
        {
            WorkingFolder = _folder.FullName,
            CommandLine = [new("model", "org/tiny-model"), new("models-dir", Models)],
        });

        Assert.Equal(pulled, settings.ModelFolder);
        Assert.Equal("tiny-model", settings.ModelName);
    }

    [Fact]
    public void Load_FolderOfThatName_GoesFirst()
    {
        _folder.CreateSubdirectory(Path.Combine("models", "org", "tiny-model"));
        string own = _folder.CreateSubdirectory(Path.Combine("org", "tiny-model")).FullName;

        ServeSettings settings = SettingsLoader.Load(new SettingsSources
        {
            WorkingFolder = _folder.FullName,
            CommandLine = [new("models-dir", Models), new("model", "org/tiny-model")],
        });

        Assert.Equal(own, settings.ModelFolder);
    }

    private string Models => Path.Combine(_folder.FullName, "models");

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        using GlmProcess glm = GlmProcess.Start(arguments);
        glm.Input.Close();
        Task<string> errors = glm.Errors.ReadToEndAsync();
        string output = await glm.Output.ReadToEndAsync();
        return (await glm.WaitAsync(), output, await errors);
    }
}
