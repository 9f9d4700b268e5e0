namespace GlmCluster.Engine.Stepping;

/// <summary>A loaded model on one device with its KV cache: the seam between scheduling and arithmetic.</summary>
/// <remarks>One thread at a time, always the same one, except <see cref="Abort"/>.</remarks>
public interface IStepRunner : IDisposable
{
    int VocabularySize { get; }

    /// <summary>Tokens per KV block.</summary>
    int BlockTokens { get; }

    /// <summary>KV blocks in the cache.</summary>
    int BlockCount { get; }

    /// <summary>The beginning of a prompt whose tokens see all of it.</summary>
    /// <exception cref="ArgumentException">The prompt lacks what this model divides prompts by; fit for users.</exception>
    PromptPrefix PrefixOf(ReadOnlySpan<int> promptIds) => default;

    /// <summary>Runs one step: writes the new tokens' keys and values into their blocks and computes the wanted logits.</summary>
    /// <returns>Shape (logitRows, vocabulary), row-major; valid until the next call.</returns>
    /// <exception cref="StepAbortedException"><see cref="Abort"/> was called during the step. The cache's new positions are undefined.</exception>
    ReadOnlySpan<float> Run(StepBatch batch);

    /// <summary>Copies all that is cached in a KV block over another one, ordered before the next step.</summary>
    void CopyBlock(int source, int target);

    /// <summary>Stops the running step between two operators. Thread-safe; without effect when none runs.</summary>
    void Abort();
}

/// <summary>A step was stopped before its end.</summary>
public sealed class StepAbortedException(string message) : Exception(message);
