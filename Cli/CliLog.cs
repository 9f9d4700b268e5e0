using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli;

/// <summary>Log events of the program itself: 5000s.</summary>
internal static partial class CliLog
{
    [LoggerMessage(5001, LogLevel.Information, "Settings: {Settings}")]
    public static partial void SettingsInForce(this ILogger logger, string settings);

    [LoggerMessage(5002, LogLevel.Information, "Model {ModelName} loaded in {LoadTime}: {Weights}")]
    public static partial void ModelLoaded(this ILogger logger, string modelName, TimeSpan loadTime, string weights);

    [LoggerMessage(5003, LogLevel.Warning, "Cached weights: {Note}")]
    public static partial void WeightCacheNote(this ILogger logger, string note);
}
