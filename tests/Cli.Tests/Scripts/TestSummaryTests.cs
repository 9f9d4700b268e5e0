using System.Diagnostics;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Scripts;

/// <summary><c>tests/summary</c>, which writes the last line of <c>./glm test</c>.</summary>
public sealed class TestSummaryTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-results-");

    public TestSummaryTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "A bash script.");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Summary_AllPassed_AddsUpProjects()
    {
        WriteResults("A.Tests", "Passed", "Passed", "NotExecuted");
        WriteResults("B.Tests", "Passed");

        Assert.Equal((0, "3 passed, 0 failed, 1 skipped\n"), await RunAsync());
    }

    [Fact]
    public async Task Summary_MeasurementThatWasNotNamed_IsNotCounted()
    {
        WriteResults("A.Tests", "Passed", "NotRunnable");

        Assert.Equal((0, "1 passed, 0 failed, 0 skipped\n"), await RunAsync());
    }

    [Fact]
    public async Task Summary_OneFailed_NamesIt()
    {
        WriteResults("A.Tests", "Passed", "Failed");

        Assert.Equal((1, "FAILED A.Tests.Test1(text: \"<&>\")\n1 passed, 1 failed, 0 skipped\n"), await RunAsync());
    }

    [Fact]
    public async Task Summary_OneProjectDied_CountsAsFailed()
    {
        WriteResults("A.Tests", "Passed");
        File.WriteAllText(Path.Combine(_folder.FullName, "B.Tests.crashed"), "the test run ended with exit code 139\n");

        Assert.Equal((1, "FAILED B.Tests: the test run ended with exit code 139\n1 passed, 1 failed, 0 skipped\n"), await RunAsync());
    }

    [Fact]
    public async Task Summary_NothingRan_IsAFailure()
    {
        WriteResults("A.Tests");

        Assert.Equal((1, "0 passed, 0 failed, 0 skipped\n"), await RunAsync());
    }

    private void WriteResults(string project, params string[] outcomes)
    {
        IEnumerable<string> results = outcomes.Select((outcome, index) =>
            $"<UnitTestResult testName=\"{project}.Test{index}(text: &quot;&lt;&amp;&gt;&quot;)\" outcome=\"{outcome}\" testType=\"x\" />");
        File.WriteAllText(Path.Combine(_folder.FullName, $"{project}.trx"), $"<TestRun>\n<Results>\n{string.Join('\n', results)}\n</Results>\n</TestRun>\n");
    }

    private async Task<(int ExitCode, string Output)> RunAsync()
    {
        var start = new ProcessStartInfo("bash", [RepositoryFolder.Path("tests", "summary"), _folder.FullName]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }
}
