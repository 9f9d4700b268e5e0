using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Decoding.Stages;

/// <summary>What a stage reads and writes besides its cache. The memory stays its owner's.</summary>
/// <param name="Input">From the stage before; null: token ids.</param>
/// <param name="Output">To the next stage; null: logits.</param>
/// <param name="Logits">Memory of the step's logits, shape (rows, vocabulary).</param>
/// <param name="OutputNames">In the graph: logits, or normed input and residual.</param>
internal sealed record StageEnds(HiddenStates? Input, HiddenStates? Output, PageMemory Logits, IReadOnlyList<string> OutputNames);

/// <summary>What one stage hands to the next: the normed input of its first layer and the residual stream, each (tokens, hidden).</summary>
internal sealed class HiddenStates(DecoderConfiguration configuration, DecoderRunnerOptions options) : IDisposable
{
    public PageMemory Normed { get; } = Allocate(configuration, options);

    public PageMemory Residual { get; } = Allocate(configuration, options);

    public void Dispose()
    {
        Normed.Dispose();
        Residual.Dispose();
    }

    private static PageMemory Allocate(DecoderConfiguration configuration, DecoderRunnerOptions options) =>
        new((long)options.MaxStepTokens * configuration.HiddenSize * sizeof(float));
}
