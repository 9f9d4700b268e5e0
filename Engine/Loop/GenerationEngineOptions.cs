using GlmCluster.Engine.Scheduling;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Loop;

/// <summary>Who finds a prompt's keys and values in the cache. A hit is faster, so by its time a caller can tell what others have asked.</summary>
public enum CacheScope
{
    /// <summary>Whoever asks this engine.</summary>
    Server,

    /// <summary>Only the caller that computed them.</summary>
    Caller,
}

/// <summary>Limits of one engine.</summary>
public sealed record GenerationEngineOptions
{
    /// <summary>Longest prompt and answer together, in tokens, at least 2. The KV cache must hold one such sequence.</summary>
    public required int ContextTokens { get; init; }

    /// <summary>Most sequences in a step, at least 1. Default 32.</summary>
    public int MaxSequences { get; init; } = 32;

    /// <summary>Most tokens in a step, at least <see cref="MaxSequences"/>: longer prefills are done in chunks. Default 512.</summary>
    public int StepTokenBudget { get; init; } = 512;

    /// <summary>
    /// How much longer than without prompts a step may take while others decode, more than 1: prompts are read in pieces small enough for that. Default 1.5;
    /// infinite: in pieces as large as a step takes.
    /// </summary>
    public double PrefillSlowdown { get; init; } = 1.5;

    /// <summary>Names what the KV cache's content depends on besides the tokens: the model's content and the formats of weights and cache. Default: nothing.</summary>
    public string PrefixSeed { get; init; } = "";

    /// <summary>Who shares what was computed of equal prompts. Default: all.</summary>
    public CacheScope CacheScope { get; init; }

    /// <summary>A step that takes longer is reported as stuck. Default 60 s.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <exception cref="ArgumentException">A value or a combination that cannot work with this model's cache; names it.</exception>
    internal void Check(IStepRunner runner)
    {
        Require(ContextTokens >= 2, $"ContextTokens is {ContextTokens}; it must be at least 2.");
        Require(MaxSequences >= 1, $"MaxSequences is {MaxSequences}; it must be at least 1.");
        Require(
            StepTokenBudget >= MaxSequences,
            $"StepTokenBudget is {StepTokenBudget}; it must be at least MaxSequences ({MaxSequences}), one token for each.");
        Require(PrefillSlowdown > 1, $"PrefillSlowdown is {PrefillSlowdown}; it must be more than 1.");
        Require(StuckAfter > TimeSpan.Zero, $"StuckAfter is {StuckAfter}; it must be positive.");
        int blocks = StepArithmetic.BlocksFor(ContextTokens, runner.BlockTokens);
        Require(
            blocks <= runner.BlockCount,
            $"ContextTokens is {ContextTokens} and needs {blocks} KV blocks of {runner.BlockTokens}; the cache has {runner.BlockCount}. "
            + "Lower ContextTokens or give the cache more memory.");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException(message);
        }
    }
}
