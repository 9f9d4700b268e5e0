using GlmCluster.Bench;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Benchmarks;

/// <summary><c>glm bench</c>: measures the engine and the whole server on this machine.</summary>
internal static class BenchCommand
{
    public static readonly string[] Examples =
    [
        "glm bench",
        "glm bench --shape edge-1.5b --layers 8 --weights int8",
        "glm bench --model ~/models/glm-4-9b-chat --threads 8 --output results.md",
    ];

    private static readonly string[] UsedSettings =
        ["model", "threads", "weights", "kv-format", "max-context", "max-sequences", "step-tokens", "kv-memory", "device", "onnxruntime", "cache-dir"];

    public static Command Create()
    {
        var shape = new Option<string?>("--shape")
        {
            Description = $"Made-up weights of a published model's shape instead of a folder: {string.Join(", ", ModelShapes.Names)}.",
            HelpName = "NAME",
        };
        shape.AcceptOnlyFromAmong([.. ModelShapes.Names]);
        var layers = new Option<int?>("--layers") { Description = "With --shape: fewer layers than the published model.", HelpName = "N" };
        layers.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 1000)
            {
                result.AddError($"--layers is {result.GetValueOrDefault<int?>()}. Allowed: 1 to 1000.");
            }
        });
        var output = new Option<FileInfo?>("--output") { Description = "File for the Markdown report; it is printed in any case.", HelpName = "FILE" };
        var options = new SettingOptions(SettingTable.All.Where(setting => UsedSettings.Contains(setting.Name)));

        var command = new Command("bench", "Measures prefill, decode, time to first token and the cost of HTTP on this machine.") { shape, layers, output };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess())) with
            {
                Host = "127.0.0.1",
                Port = 0,
                StoreFile = null,
                LogLevel = LogLevel.Warning,
            };
            using var signals = new ShutdownSignals();
            BenchReport report = await new BenchRun(settings, parsed.GetValue(shape), parsed.GetValue(layers)).RunAsync(signals.Stopping);
            await parsed.InvocationConfiguration.Output.WriteLineAsync(report.ToString());
            if (parsed.GetValue(output) is { } file)
            {
                await File.WriteAllTextAsync(file.FullName, report.ToString(), signals.Stopping);
            }

            return 0;
        });
        return command;
    }
}
