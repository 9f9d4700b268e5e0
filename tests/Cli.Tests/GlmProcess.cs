using System.Diagnostics;
using System.Text;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Tests;

/// <summary>The built program, started as its users start it, in a folder and with an environment that hold no settings.</summary>
internal sealed class GlmProcess : IDisposable
{
    private readonly Process _process;

    private GlmProcess(Process process) => _process = process;

    public bool HasExited => _process.HasExited;

    public StreamWriter Input => _process.StandardInput;

    public StreamReader Output => _process.StandardOutput;

    public StreamReader Errors => _process.StandardError;

    public static GlmProcess Start(params string[] arguments) => StartWith([], arguments);

    /// <param name="environment">Variables that it finds.</param>
    /// <param name="arguments">Its command line.</param>
    public static GlmProcess StartWith((string Name, string Value)[] environment, params string[] arguments)
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var start = new ProcessStartInfo("dotnet", [typeof(ServeSettings).Assembly.Location, .. arguments])
        {
            WorkingDirectory = AppContext.BaseDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = utf8,
            StandardOutputEncoding = utf8,
        };
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("GLM_", StringComparison.Ordinal) && name != "GLM_ONNXRUNTIME").ToList())
        {
            start.Environment.Remove(name);
        }

        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return new GlmProcess(Process.Start(start)!);
    }

    /// <summary>Runs a command to its end.</summary>
    /// <returns>Its exit code, and all it wrote.</returns>
    public static async Task<(int ExitCode, string Text)> RunAsync(params string[] arguments)
    {
        using GlmProcess glm = Start(arguments);
        Task<string> errors = glm.Errors.ReadToEndAsync();
        string output = await glm.Output.ReadToEndAsync();
        return (await glm.WaitAsync(), output + await errors);
    }

    /// <summary>Sends a signal, for example <c>INT</c>; not on Windows.</summary>
    public async Task SignalAsync(string signal)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", $"{_process.Id}"]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Waits for the end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }
}
