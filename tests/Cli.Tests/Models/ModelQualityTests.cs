using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Models;

public sealed class ModelQualityTests
{
    private static readonly string Nano = RepositoryFolder.Path("assets", "glm-nano");

    [Fact]
    public async Task Quality_Int4OverSampleTexts_ReportsAgreementAndDivergence()
    {
        using GlmProcess glm = GlmProcess.Start("model", "quality", Nano, "--weights", "int4-128");

        string output = await glm.Output.ReadToEndAsync();

        Assert.Equal(0, await glm.WaitAsync());
        Assert.Contains("weights int4-128 and KV bf16, compared with f32", output, StringComparison.Ordinal);
        Assert.Matches(@"same best +\d+ \(\d+\.\d\d %\)", output);
        Assert.Matches(@"KL divergence +\d\.\d\dE-\d+ nats on average", output);
    }

    [Fact]
    public async Task Quality_BrokenDialogue_NamesItsLine()
    {
        string file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "plain text\n\n{\"messages\": [{\"role\": \"nobody\"}]}\n");
        using GlmProcess glm = GlmProcess.Start("model", "quality", Nano, "--texts", file);

        string errors = await glm.Errors.ReadToEndAsync();

        Assert.Equal(1, await glm.WaitAsync());
        Assert.StartsWith("glm: ", errors, StringComparison.Ordinal);
        Assert.Contains("line 3", errors, StringComparison.Ordinal);
        Assert.Contains("nobody", errors, StringComparison.Ordinal);
        File.Delete(file);
    }
}
