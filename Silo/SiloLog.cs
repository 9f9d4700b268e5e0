using GlmCluster.Grains.Abstractions.Generations;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Silo;

/// <summary>Every log message of this project; ids 2000 to 2999.</summary>
internal static partial class SiloLog
{
    [LoggerMessage(2003, LogLevel.Warning, "Worker {WorkerName} was sealed by another process; its running generations were dropped here")]
    public static partial void Sealed(this ILogger logger, string workerName);

    [LoggerMessage(2004, LogLevel.Critical, "Worker {WorkerName} stopped: the engine failed")]
    public static partial void EngineFailed(this ILogger logger, string workerName, Exception fault);

    [LoggerMessage(2005, LogLevel.Error, "The end of generation {Generation} was not written: {Result}")]
    public static partial void EndNotWritten(this ILogger logger, string generation, LogWriteResult result);

    [LoggerMessage(2006, LogLevel.Warning, "Generation {Generation} was refused by the engine: {Reason}")]
    public static partial void EngineRefused(this ILogger logger, string generation, string reason);

    [LoggerMessage(2008, LogLevel.Warning, "Generation {Generation} cannot be prepared for a handover: {Reason}")]
    public static partial void NotPrepared(this ILogger logger, string generation, string reason);

    [LoggerMessage(2011, LogLevel.Error, "Worker {WorkerName} could not start again: {Reason}; trying again")]
    public static partial void WorkerNotStarted(this ILogger logger, string workerName, string reason);

    [LoggerMessage(2007, LogLevel.Error, "The store did not take the end of generation {Generation}; trying again")]
    public static partial void EndFailed(this ILogger logger, string generation, Exception error);
}
