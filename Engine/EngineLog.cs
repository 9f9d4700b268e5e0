using Microsoft.Extensions.Logging;

namespace GlmCluster.Engine;

/// <summary>Everything the engine logs; event ids 4000 to 4999.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(4001, LogLevel.Information,
        "Engine started: context {ContextTokens} tokens, {MaxSequences} sequences and {StepTokenBudget} tokens per step, "
        + "{BlockCount} KV blocks of {BlockTokens}")]
    public static partial void EngineStarted(
        this ILogger logger, int contextTokens, int maxSequences, int stepTokenBudget, int blockCount, int blockTokens);

    [LoggerMessage(4002, LogLevel.Information, "Engine stopped after {Steps} steps")]
    public static partial void EngineStopped(this ILogger logger, long steps);

    [LoggerMessage(4003, LogLevel.Critical, "Engine failed and stays stopped")]
    public static partial void EngineFailed(this ILogger logger, Exception fault);

    [LoggerMessage(4004, LogLevel.Error, "A step has not returned for {StuckFor}")]
    public static partial void StepStuck(this ILogger logger, TimeSpan stuckFor);

    [LoggerMessage(4101, LogLevel.Warning, "Preempted sequence {SequenceId}: needs {NeededBlocks} KV blocks, {FreeBlocks} free")]
    public static partial void Preempted(this ILogger logger, long sequenceId, int neededBlocks, int freeBlocks);

    [LoggerMessage(4104, LogLevel.Debug, "Sequence {SequenceId} gave its place to sequence {NextId}")]
    public static partial void Displaced(this ILogger logger, long sequenceId, long nextId);

    [LoggerMessage(4102, LogLevel.Error, "Sequence {SequenceId} failed at generated token {Index}: its logits are not numbers")]
    public static partial void LogitsInvalid(this ILogger logger, long sequenceId, int index);

    [LoggerMessage(4103, LogLevel.Error, "Sequence {SequenceId} failed at generated token {Index}: its watcher threw")]
    public static partial void WatcherFailed(this ILogger logger, long sequenceId, int index, Exception fault);
}
