using System.CommandLine;
using System.Globalization;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Decoding;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.Models;

/// <summary><c>glm model quantize</c>: quantised weights ahead of the first start.</summary>
internal static class QuantizeCommand
{
    private static readonly string[] UsedSettings = ["weights", "threads", "onnxruntime", "cache-dir"];

    public static Command Create()
    {
        Argument<string> folder = ModelFolderArgument.Create("Hugging Face GLM folder.");
        var output = new Option<DirectoryInfo>("--output")
        {
            Description = "Folder that the server is given as cache-dir. Default: the model's own folder, where every server finds it.",
            HelpName = "FOLDER",
        };
        var options = new SettingOptions(SettingTable.All.Where(setting => UsedSettings.Contains(setting.Name)));
        var command = new Command(
            "quantize",
            "Makes a model's quantised weights (auto is int8 here) ahead of time, so that the first start is as fast as later ones. A file that is "
            + "there and good is kept.") { folder, output };
        options.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess()));
            WeightFormat format = settings.Weights ?? WeightFormat.Int8;
            if (format == WeightFormat.F32)
            {
                throw new SettingsException(["--weights is 'f32', which is not quantised. Allowed: int8, int4, int4-32, int4-128."]);
            }

            QuantizedFile file = await QuantizeAsync(ModelFolderArgument.Find(parsed, folder), parsed.GetValue(output)?.FullName, format, settings);
            await parsed.InvocationConfiguration.Output.WriteLineAsync(Describe(file));
            return 0;
        });
        return command;
    }

    private static async Task<QuantizedFile> QuantizeAsync(string folder, string? output, WeightFormat format, ServeSettings settings)
    {
        using LoadProgressLine? progress = Console.IsErrorRedirected ? null : new LoadProgressLine(Console.Error);
        using var signals = new ShutdownSignals();
        var quantizer = new ModelQuantizer(folder, settings.OnnxRuntimeLibrary, settings.Threads, settings.CacheFolder);
        return await quantizer.QuantizeAsync(format, output, progress, signals.Stopping);
    }

    private static string Describe(QuantizedFile file) => string.Create(
        CultureInfo.InvariantCulture,
        $"{file.Path}: {file.ByteLength / 1048576.0:N0} MiB, {(file.Time is { } time ? $"made in {time.TotalSeconds:N1} s" : "was there and is good")}");
}
