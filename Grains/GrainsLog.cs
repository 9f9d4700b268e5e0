using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains;

/// <summary>What this project logs. Ids 3000 to 3999.</summary>
internal static partial class GrainsLog
{
    [LoggerMessage(3001, LogLevel.Information, "Opened the store '{StorePath}': {Unfinished} unfinished generations")]
    public static partial void StoreOpened(this ILogger logger, string storePath, int unfinished);

    [LoggerMessage(3002, LogLevel.Information, "Worker {Worker} joined as {Incarnation} with model {Model}")]
    public static partial void WorkerJoined(this ILogger logger, string worker, IncarnationId incarnation, string model);

    [LoggerMessage(3003, LogLevel.Information, "Worker {Worker} ({Incarnation}) left with {Unfinished} unfinished generations")]
    public static partial void WorkerLeft(this ILogger logger, string worker, IncarnationId incarnation, int unfinished);

    [LoggerMessage(3004, LogLevel.Warning, "Took {Unfinished} generations away from worker {Worker} ({Incarnation})")]
    public static partial void WorkerTakenOver(this ILogger logger, string worker, IncarnationId incarnation, int unfinished);

    [LoggerMessage(3005, LogLevel.Error, "Refused frame {Number} of {Incarnation}: {Why}")]
    public static partial void FrameRefused(this ILogger logger, IncarnationId incarnation, long number, string why);

    [LoggerMessage(3006, LogLevel.Error, "Refused the end of generation {Generation} by {Incarnation}: {Why}")]
    public static partial void EndRefused(this ILogger logger, IncarnationId incarnation, GenerationId generation, string why);

    [LoggerMessage(3007, LogLevel.Error,
        "{Incarnation} repeated tokens of generation {Generation} from {FirstSeq} on that differ from its log; the log stands")]
    public static partial void RepeatDiffers(this ILogger logger, IncarnationId incarnation, GenerationId generation, long firstSeq);

    [LoggerMessage(3008, LogLevel.Error, "{Incarnation} ended generation {Generation} a second time and differently; the first end stands")]
    public static partial void RepeatedEndDiffers(this ILogger logger, IncarnationId incarnation, GenerationId generation);

    [LoggerMessage(3009, LogLevel.Error, "Could not write the log of {Generations} generations; trying again")]
    public static partial void LogWriteFailed(this ILogger logger, Exception failure, int generations);

    [LoggerMessage(3010, LogLevel.Error, "Could not end generation {Generation}; trying again")]
    public static partial void EndFailed(this ILogger logger, Exception failure, GenerationId generation);

    [LoggerMessage(3011, LogLevel.Error, "Could not remove what has expired; trying again")]
    public static partial void ExpiryFailed(this ILogger logger, Exception failure);

    [LoggerMessage(3013, LogLevel.Error, "Generation {Generation} was refused: the store did not take it: {Why}")]
    public static partial void AdmissionNotStored(this ILogger logger, GenerationId generation, string why);

    [LoggerMessage(3012, LogLevel.Debug, "Expired {Conversations} conversations and {Generations} generations of none")]
    public static partial void Expired(this ILogger logger, int conversations, int generations);

    [LoggerMessage(3100, LogLevel.Information, "Opened the database {Database}, schema version {Version}")]
    public static partial void DatabaseOpened(this ILogger logger, string database, int version);

    [LoggerMessage(3101, LogLevel.Warning, "The database {Database} is away: {Why}; trying again")]
    public static partial void DatabaseAway(this ILogger logger, string database, string why);

    [LoggerMessage(3102, LogLevel.Warning, "The connection for wake-ups broke: {Why}; connecting again")]
    public static partial void ListenerBroken(this ILogger logger, string why);

    [LoggerMessage(3103, LogLevel.Warning, "The live path to {Url} broke: {Why}; its log is read instead until it is back")]
    public static partial void LiveLinkBroken(this ILogger logger, Uri url, string why);

    [LoggerMessage(3104, LogLevel.Warning, "The database lost frames {First} to {Last} of {Incarnation} in a crash; they are written again")]
    public static partial void FramesWrittenAgain(this ILogger logger, IncarnationId incarnation, long first, long last);

    [LoggerMessage(3105, LogLevel.Error, "Tokens of generation {Generation} from {FirstSeq} on differ from those that were delivered; these stand")]
    public static partial void DeliveredDiffers(this ILogger logger, GenerationId generation, long firstSeq);

    [LoggerMessage(3106, LogLevel.Warning, "Could not count a reader of generation {Generation} out: {Why}")]
    public static partial void DetachFailed(this ILogger logger, GenerationId generation, string why);

    [LoggerMessage(3107, LogLevel.Warning, "Worker {Worker} ({Incarnation}) could not leave the directory: {Why}. Others will notice that it is gone")]
    public static partial void LeaveFailed(this ILogger logger, string worker, IncarnationId incarnation, string why);

    [LoggerMessage(3108, LogLevel.Warning, "Process {Process} is gone; {Generations} generations lost a reader")]
    public static partial void ProcessEvicted(this ILogger logger, Guid process, int generations);

    [LoggerMessage(3109, LogLevel.Warning, "This process ({Process}) was taken for dead by others; it joins again")]
    public static partial void ProcessReturned(this ILogger logger, Guid process);

    [LoggerMessage(3110, LogLevel.Error, "Could not look after the cluster: {Why}; trying again")]
    public static partial void LookFailed(this ILogger logger, string why);

    [LoggerMessage(3112, LogLevel.Warning, "Worker {Worker} ({Incarnation}) could not hand over what it runs: {Why}. It leaves, and others go on from the log")]
    public static partial void DrainFailed(this ILogger logger, string worker, IncarnationId incarnation, string why);

    [LoggerMessage(3111, LogLevel.Error, "Could not look after the cluster; trying again")]
    public static partial void WakeupFailed(this ILogger logger, Exception failure);
}
