using System.Diagnostics;
using GlmCluster.Cli.Tests.EndToEnd;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.Cluster;

/// <summary><c>glm up</c> as its users run it: real PostgreSQL, gateways and silos.</summary>
public sealed class LocalClusterTests : IAsyncLifetime
{
    private const string ReadyPrefix = "Cluster  ";

    private readonly PublicFolder _folder = new("glm-up-");
    private GlmProcess? _up;

    public ValueTask InitializeAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), PostgresServer.OnlyOnLinux);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (_up is not null)
        {
            await _up.SignalAsync("INT");
            await _up.WaitAsync();
            _up.Dispose();
        }

        _folder.Dispose();
    }

    [Fact]
    public async Task Up_ThenCtrlC_AnswersAtEveryGatewayAndLeavesNothingRunning()
    {
        Uri[] urls = await StartAsync("--silos", "1", "--gateways", "2");
        string conversation = "";
        foreach (Uri url in urls)
        {
            using var api = new ChatApi(url);
            await api.WaitUntilReadyAsync();
            conversation = (string)(await api.CompleteAsync(ChatApi.UserMessage("我叫小明。")))["id"]!;
        }

        Assert.Equal(2, urls.Length);
        Assert.Equal(5, RunningPrograms()); // with PostgreSQL and this program itself
        Assert.Equal(0, await InterruptAsync());
        Assert.Equal(0, RunningPrograms());

        using var next = new ChatApi((await StartAsync("--silos", "1", "--gateways", "1"))[0]);
        await next.WaitUntilReadyAsync();
        Assert.Equal(
            "你叫小明。",
            (string?)(await next.CompleteAsync(ChatApi.UserMessage("我叫什么名字？"), conversation))["choices"]![0]!["message"]!["content"]);
    }

    [Fact]
    public async Task Up_GatewayKilled_IsStartedAgainAtItsPort()
    {
        Uri url = (await StartAsync("--silos", "1", "--gateways", "1"))[0];
        await KillAsync("glm.dll gateway ");

        while (await _up!.Output.ReadLineAsync() is { } line && !line.Contains("works again", StringComparison.Ordinal))
        {
        }

        using var api = new ChatApi(url);
        await api.WaitUntilReadyAsync();
        Assert.NotNull((await api.CompleteAsync(ChatApi.UserMessage("你好")))["choices"]);
        Assert.Equal(0, await InterruptAsync());
        Assert.Equal(0, RunningPrograms());
    }

    [Fact]
    public async Task Up_CtrlCWhileAGatewayIsDown_EndsWith0()
    {
        await StartAsync("--silos", "1", "--gateways", "1");
        await KillAsync("glm.dll gateway ");
        while (await _up!.Output.ReadLineAsync() is { } line && !line.Contains("is started again", StringComparison.Ordinal))
        {
        }

        Assert.Equal(0, await InterruptAsync());
        Assert.Equal(0, RunningPrograms());
    }

    [Fact]
    public async Task Up_Killed_LeavesNothingRunning()
    {
        await StartAsync("--silos", "1", "--gateways", "1");
        Process[] programs = [.. CommandLines().Select(program => Process.GetProcessById(program.Id))];

        await _up!.SignalAsync("KILL");
        foreach (Process program in programs)
        {
            await program.WaitForExitAsync();
            program.Dispose();
        }

        Assert.Equal(4, programs.Length);
        Assert.Equal(0, RunningPrograms());
    }

    [Fact]
    public async Task Up_PostgresKilled_EndsWithItsReason()
    {
        await StartAsync("--silos", "1", "--gateways", "1");
        await KillAsync("bin/postgres -D ");

        string errors = await _up!.Errors.ReadToEndAsync();

        Assert.Equal(1, await _up.WaitAsync());
        Assert.Contains("PostgreSQL ended with exit code 137", errors, StringComparison.Ordinal);
        Assert.Equal(0, RunningPrograms());
    }

    [Fact]
    public async Task Up_SiloCannotStart_EndsWithItsReason()
    {
        using GlmProcess up = Start("--silos", "1", "--gateways", "1", "--model", "/no/such/folder");

        string errors = await up.Errors.ReadToEndAsync();

        Assert.Equal(1, await up.WaitAsync());
        Assert.Contains("/no/such/folder", errors, StringComparison.Ordinal);
        Assert.Equal(0, RunningPrograms());
    }

    private GlmProcess Start(params string[] arguments) =>
        GlmProcess.Start(["up", "--port", "0", "--data", _folder.Path, "--log-level", "warning", .. arguments]);

    private async Task<Uri[]> StartAsync(params string[] arguments)
    {
        _up?.Dispose();
        _up = Start(arguments);
        while (await _up.Output.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(ReadyPrefix, StringComparison.Ordinal))
            {
                return [.. line.Split(' ').Where(word => word.StartsWith("http://", StringComparison.Ordinal)).Select(word => new Uri(word))];
            }
        }

        throw new InvalidOperationException($"glm up did not start:\n{await _up.Errors.ReadToEndAsync()}");
    }

    private async Task<int> InterruptAsync()
    {
        await _up!.SignalAsync("INT");
        await _up.Output.ReadToEndAsync();
        return await _up.WaitAsync();
    }

    /// <summary>Kills the program of this cluster whose command line has a part; not the shell that watches it.</summary>
    private async Task KillAsync(string part)
    {
        int id = CommandLines().Single(process => process.CommandLine.Contains(part, StringComparison.Ordinal)).Id;
        using var kill = Process.Start("kill", ["-KILL", $"{id}"]);
        await kill.WaitForExitAsync();
    }

    private int RunningPrograms() => CommandLines().Count();

    /// <summary>Programs of this cluster: each names its folder.</summary>
    private IEnumerable<(int Id, string CommandLine)> CommandLines()
    {
        foreach (string process in Directory.EnumerateDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), out _)))
        {
            string text;
            try
            {
                text = File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' ');
            }
            catch (IOException)
            {
                continue; // it ended
            }

            if (text.Contains(_folder.Path, StringComparison.Ordinal) && !text.StartsWith("sh ", StringComparison.Ordinal))
            {
                yield return (int.Parse(Path.GetFileName(process), System.Globalization.CultureInfo.InvariantCulture), text);
            }
        }
    }
}
