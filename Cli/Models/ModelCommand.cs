using System.CommandLine;
using System.Globalization;
using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Verification;

namespace GlmCluster.Cli.Models;

/// <summary><c>glm model</c>: looks at model folders.</summary>
internal static class ModelCommand
{
    public static readonly string[] Examples =
    [
        "glm model pull THUDM/glm-4-9b-chat-hf",
        "glm model inspect ~/models/glm-4-9b-chat",
        "glm model load ~/models/glm-4-9b-chat --weights int8",
        "glm model unload glm-4-9b-chat",
        "glm model verify ~/models/glm-4-9b-chat",
        "glm model quality ~/models/glm-4-9b-chat --weights int4",
        "glm model quantize ~/models/glm-4-9b-chat --weights int8",
        "glm model tokenize ~/models/chatglm3-6b --text \"你好\"",
    ];

    /// <summary>Largest difference of a logit from its reference that passes, with f32 weights.</summary>
    private const float LargestDifference = 2e-4f;

    private static readonly string[] VerifySettings = ["threads", "onnxruntime"];

    public static Command Create() => new("model", "Fetches models, looks at their folders and prepares them, and changes what a running server serves.")
    {
        LoadCommand.Create(), UnloadCommand.Create(), PullCommand.Create(), ListCommand.Create(), RemoveCommand.Create(), InspectCommand.Create(), CreateVerify(), QualityCommand.Create(), QuantizeCommand.Create(), TokenizeCommand.Create(),
    };

    private static Command CreateVerify()
    {
        Argument<string> folder = ModelFolderArgument.Create("Hugging Face folder that has reference results in golden.safetensors.");
        var options = new SettingOptions(SettingTable.All.Where(setting => VerifySettings.Contains(setting.Name)));
        var verify = new Command(
            "verify",
            "Compares a model's logits and greedy continuations, or an embedding model's vectors, computed with f32 weights, with the reference results in its golden.safetensors. "
            + "Exit code 1 when they differ by more than the limit.") { folder };
        options.AddTo(verify);
        verify.SetAction(parsed =>
        {
            ServeSettings settings = SettingsLoader.Load(options.Read(parsed, SettingsSources.OfProcess()));
            (string report, bool passes) = Verify(ModelFolderArgument.Find(parsed, folder), settings);
            parsed.InvocationConfiguration.Output.WriteLine(report);
            parsed.InvocationConfiguration.Output.WriteLine(passes ? "passed" : "FAILED");
            return passes ? 0 : 1;
        });
        return verify;
    }

    private static (string Report, bool Passes) Verify(string folder, ServeSettings settings)
    {
        using LoadProgressLine? progress = Console.IsErrorRedirected ? null : new LoadProgressLine(Console.Error);
        if (EncoderConfigurationReader.IsEncoder(folder))
        {
            EncoderReport encoder = EncoderVerifier.Verify(folder, settings.OnnxRuntimeLibrary, settings.Threads, progress);
            return (Describe(encoder), encoder.Passes(LargestDifference));
        }

        GoldenReport report = FolderVerifier.Verify(folder, settings.OnnxRuntimeLibrary, settings.Threads, progress);
        return (Describe(report), report.Passes(LargestDifference));
    }

    private static string Describe(GoldenReport report) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        prompts    {report.Prompts}, {report.Positions} positions
        max |Δ|    {report.LargestDifference:E2} (limit {LargestDifference:E2}) at prompt {report.Where.Prompt}, row {report.Where.Row}, column {report.Where.Column}
        greedy     {report.GreedyMatches} of {report.GreedyTokens} clear choices agree
        """);

    private static string Describe(EncoderReport report) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        texts      {report.Texts}, {report.Tokens} tokens
        max |Δ|    {report.LargestDifference:E2} of a token's vector, {report.LargestPooledDifference:E2} of a mean (limit {LargestDifference:E2})
        """);
}
