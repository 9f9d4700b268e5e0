using System.Text.Json;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Models;

public sealed class ModelInspectTests
{
    private static readonly string Nano = RepositoryFolder.Path("assets", "glm-nano");

    [Fact]
    public async Task Inspect_Folder_ShowsWhatItIsAndNeeds()
    {
        (int exitCode, string output) = await RunAsync(Nano);

        Assert.Equal(0, exitCode);
        Assert.Contains("By itself the server takes f32 weights and a f32 KV cache", output, StringComparison.Ordinal);
        Assert.Matches("weights +BF16, 1 file, 12.5 MiB", output);
        Assert.Matches("int8 +5.3 MiB", output);
        Assert.Matches(@"bf16 +3.0 MiB +12.0 MiB", output);
        Assert.Contains("architecture  glm, chat (GLM", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_Json_IsOneObjectWithBytes()
    {
        (int exitCode, string output) = await RunAsync(Nano, "--json");

        Assert.Equal(0, exitCode);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal("glm", json.RootElement.GetProperty("architecture").GetString());
        Assert.Equal(3 << 20, json.RootElement.GetProperty("kv")[1].GetProperty("bytes_per1k_tokens").GetInt64());
        Assert.Equal(4096, json.RootElement.GetProperty("machine").GetProperty("automatic").GetProperty("context_tokens").GetInt32());
    }

    [Fact]
    public async Task Inspect_UnknownModelType_NamesIt()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("glm-inspect-");
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "config.json"), """{"model_type": "llama"}""");
        using GlmProcess glm = GlmProcess.Start("model", "inspect", folder.FullName);

        string errors = await glm.Errors.ReadToEndAsync();

        Assert.Equal(1, await glm.WaitAsync());
        Assert.Contains("llama", errors, StringComparison.Ordinal);
        Assert.Single(errors.TrimEnd().Split('\n'));
        folder.Delete(recursive: true);
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        using GlmProcess glm = GlmProcess.Start(["model", "inspect", .. arguments]);
        string output = await glm.Output.ReadToEndAsync();
        return (await glm.WaitAsync(), output);
    }
}
