using System.CommandLine;
using System.Globalization;
using GlmCluster.Cli.Serve;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Verification;
using GlmCluster.Silo.Quality;

namespace GlmCluster.Cli.Models;

/// <summary><c>glm model quality</c>: what weight and KV formats cost.</summary>
internal static class QualityCommand
{
    private static readonly string[] UsedSettings = ["weights", "kv-format", "threads", "onnxruntime"];

    public static Command Create()
    {
        Argument<string> folder = ModelFolderArgument.Create("Hugging Face GLM folder.");
        var texts = new Option<FileInfo>("--texts")
        {
            Description = "Texts to compare over: lines of {\"messages\": [...]} as OpenAI clients send them, whose answers count, or of plain text. "
                + "Default: a few short ones that come with the program.",
            HelpName = "FILE",
        };
        var options = new SettingOptions(SettingTable.All.Where(setting => UsedSettings.Contains(setting.Name)));
        var command = new Command(
            "quality",
            "Compares a model in a weight format (auto is int8 here) and a KV format with the same model in f32, each text given: KL divergence of "
            + "the predictions, and how often the most probable token is the same. Both forms must fit in memory.") { folder, texts.AcceptExistingOnly() };
        options.AddTo(command);
        command.SetAction(parsed =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess()));
            WeightFormat format = settings.Weights ?? WeightFormat.Int8;
            KvFormat kvFormat = settings.Kv ?? KvFormats.For(format);
            QualityReport report = Compare(ModelFolderArgument.Find(parsed, folder), parsed.GetValue(texts)?.FullName, format, kvFormat, settings);
            parsed.InvocationConfiguration.Output.WriteLine(Describe(report, format, kvFormat));
            return 0;
        });
        return command;
    }

    private static QualityReport Compare(string folder, string? texts, WeightFormat format, KvFormat kvFormat, ServeSettings settings)
    {
        using LoadProgressLine? progress = Console.IsErrorRedirected ? null : new LoadProgressLine(Console.Error);
        using var signals = new ShutdownSignals();
        return new QualityRun(folder, settings.OnnxRuntimeLibrary, settings.Threads).Compare(format, kvFormat, texts, progress, signals.Stopping);
    }

    private static string Describe(QualityReport report, WeightFormat format, KvFormat kvFormat) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        formats        weights {format.Name()} and KV {kvFormat.Name()}, compared with f32
        texts          {report.Texts:N0}, {report.Positions:N0} predictions
        same best      {report.SameBest:N0} ({100 * report.Agreement:N2} %)
        KL divergence  {report.MeanDivergence:E2} nats on average, {report.HighDivergence:E2} at 99 %, {report.LargestDivergence:E2} at most
        """);
}
