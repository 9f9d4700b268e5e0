using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Models;

public sealed class ModelTokenizeTests
{
    [Theory]
    [InlineData("chatglm3-6b", "[64790,64792,36474,54591]", "[36474,54591]")]
    [InlineData("chatglm-6b", "[5,74874,130001,130004]", "[5,74874]")]
    public async Task Text_FolderWithTokenizerFilesOnly_GivesItsIds(string family, string withSpecials, string alone)
    {
        string folder = RepositoryFolder.Path("tests", "data", "tokenizers", family);

        Assert.Equal((0, withSpecials + "\n", ""), await RunAsync(folder, "--text", "你好"));
        Assert.Equal((0, alone + "\n", ""), await RunAsync(folder, "--no-special", "--text", "你好"));
        Assert.Equal((0, "你好\n", ""), await RunAsync(folder, "--decode", withSpecials));
    }

    [Fact]
    public async Task Jsonl_ManyLines_GivesOneArrayEach()
    {
        string file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "\"a\"\n\"\"\n\"line1\\nline2\\n\"\n");

        (int exitCode, string output, _) = await RunAsync(RepositoryFolder.Path("tests", "data", "tokenizers", "bert-base-chinese"), "--jsonl", file);

        Assert.Equal((0, "[101,143,102]\n[101,102]\n[101,8323,8148,8323,8144,102]\n"), (exitCode, output));
        File.Delete(file);
    }

    [Fact]
    public async Task Jsonl_LineThatIsNoString_NamesIt()
    {
        string file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "\"a\"\n{\"text\": 1}\n");

        (int exitCode, _, string errors) = await RunAsync(RepositoryFolder.Path("assets", "glm-nano"), "--jsonl", file);

        Assert.Equal(1, exitCode);
        Assert.Contains("line 2", errors, StringComparison.Ordinal);
        Assert.Single(errors.TrimEnd().Split('\n'));
        File.Delete(file);
    }

    [Theory]
    [InlineData("--no-special")]
    [InlineData("--text", "a", "--decode", "1")]
    [InlineData("--decode", "1 x")]
    [InlineData("--decode", "4096")] // the demo model has 4,096 ids
    public async Task Tokenize_NotOneInput_IsRefused(params string[] arguments)
    {
        (int exitCode, string output, string errors) = await RunAsync(RepositoryFolder.Path("assets", "glm-nano"), arguments);

        Assert.NotEqual(0, exitCode);
        Assert.Empty(output);
        Assert.NotEmpty(errors);
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string folder, params string[] arguments)
    {
        using GlmProcess glm = GlmProcess.Start(["model", "tokenize", folder, .. arguments]);
        Task<string> errors = glm.Errors.ReadToEndAsync();
        string output = await glm.Output.ReadToEndAsync();
        return (await glm.WaitAsync(), output, await errors);
    }
}
