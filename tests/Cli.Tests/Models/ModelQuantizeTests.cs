using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Models;

public sealed class ModelQuantizeTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-quantize-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Quantize_Folder_MakesFileBesideItOnce()
    {
        string model = CopyOfNano();

        (int code, string output) = await RunAsync("model", "quantize", model, "--weights", "int4-128", "--cache-dir", Cache);
        (int secondCode, string secondOutput) = await RunAsync("model", "quantize", model, "--weights", "int4-128", "--cache-dir", Cache);

        Assert.Equal((0, 0), (code, secondCode));
        Assert.Contains("made in", output, StringComparison.Ordinal);
        Assert.Contains("was there and is good", secondOutput, StringComparison.Ordinal);
        Assert.Equal([Path.Combine(model, "glm.int4-128.weights")], Directory.GetFiles(model, "*.weights*"));
    }

    [Fact]
    public async Task Quantize_F32_IsRefused()
    {
        using GlmProcess glm = GlmProcess.Start("model", "quantize", RepositoryFolder.Path("assets", "glm-nano"), "--weights", "f32");

        string errors = await glm.Errors.ReadToEndAsync();

        Assert.NotEqual(0, await glm.WaitAsync());
        Assert.Contains("Allowed: int8, int4", errors, StringComparison.Ordinal);
    }

    private string Cache => Path.Combine(_folder.FullName, "cache");

    private string CopyOfNano()
    {
        DirectoryInfo copy = _folder.CreateSubdirectory("nano");
        foreach (string file in Directory.EnumerateFiles(RepositoryFolder.Path("assets", "glm-nano")))
        {
            File.Copy(file, Path.Combine(copy.FullName, Path.GetFileName(file)));
        }

        return copy.FullName;
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        using GlmProcess glm = GlmProcess.Start(arguments);
        string output = await glm.Output.ReadToEndAsync();
        return (await glm.WaitAsync(), output);
    }
}
