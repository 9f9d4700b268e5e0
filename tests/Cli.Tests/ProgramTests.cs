using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Tests;

public sealed class ProgramTests
{
    [Theory]
    [InlineData("--port is '70000', which is not possible. Allowed: a whole number, 0 to 65535.", "serve", "--port", "70000")]
    [InlineData("Unrecognized command or argument '--prot'.", "serve", "--prot", "1")]
    [InlineData("Required command was not provided.")]
    public async Task Main_BadCommandLine_SaysWhyAndWhereHelpIs(string message, params string[] arguments)
    {
        using GlmProcess glm = GlmProcess.Start(arguments);

        string errors = await glm.Errors.ReadToEndAsync();

        Assert.Equal(2, await glm.WaitAsync());
        string[] lines = errors.TrimEnd().Split('\n');
        Assert.Equal($"glm: {message}", lines[0]);
        Assert.StartsWith("glm: see `glm ", lines[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("gateway")]
    [InlineData("silo")]
    public async Task Main_HelpOfAServer_ShowsItsSettingsAndExamples(string command)
    {
        IReadOnlyList<Setting> settings = command switch
        {
            "serve" => SettingTable.Serve,
            "gateway" => SettingTable.Gateway,
            _ => SettingTable.Silo,
        };
        using GlmProcess glm = GlmProcess.Start(command, "--help");

        string help = await glm.Output.ReadToEndAsync();

        Assert.Equal(0, await glm.WaitAsync());
        Assert.All(settings.Where(setting => setting.IsOption), setting => Assert.Contains($"{setting.OptionName} ", help, StringComparison.Ordinal));
        Assert.Contains($"Examples:\n  glm {command}", help.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }
}
