using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli;

/// <summary>Log events of the program itself: 5000s.</summary>
internal static partial class CliLog
{
    [LoggerMessage(5001, LogLevel.Information, "Settings: {Settings}")]
    public static partial void SettingsInForce(this ILogger logger, string settings);

    [LoggerMessage(5002, LogLevel.Information, "Model {ModelName} loaded in {LoadTime}: {Weights}")]
    public static partial void ModelLoaded(this ILogger logger, string modelName, TimeSpan loadTime, string weights);

    [LoggerMessage(5004, LogLevel.Information, "Model {ModelName} unloaded")]
    public static partial void ModelUnloaded(this ILogger logger, string modelName);

    [LoggerMessage(5005, LogLevel.Warning, "There is no control socket, so `glm model load` cannot reach this server: {Reason}")]
    public static partial void NoControlSocket(this ILogger logger, string reason);

    [LoggerMessage(5006, LogLevel.Error, "A command on the control socket failed")]
    public static partial void ControlFailed(this ILogger logger, Exception exception);

    [LoggerMessage(5003, LogLevel.Warning, "Cached weights: {Note}")]
    public static partial void WeightCacheNote(this ILogger logger, string note);
}
