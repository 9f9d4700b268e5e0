using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Decoding.Stages;

/// <summary>Some layers of a decoder in a session of their own, with their part of the KV cache. A decoder that is not split is one stage.</summary>
/// <remarks>One thread at a time, except <see cref="SetTerminate"/>.</remarks>
internal sealed class DecoderStage : IDisposable
{
    private readonly OnnxSession _session;
    private readonly OnnxRunOptions _run;
    private readonly KvMemory _cache;
    private readonly OnnxBinding[] _bindings;
    private readonly StepTensors[] _tensors;

    /// <param name="library">ONNX Runtime.</param>
    /// <param name="session">Owned from now on.</param>
    /// <param name="configuration">Of the whole decoder.</param>
    /// <param name="options">Of the whole decoder.</param>
    /// <param name="layers">Its layers.</param>
    /// <param name="ends">What it reads and writes; one for each half-batch that can be under way.</param>
    public DecoderStage(
        OnnxRuntimeLibrary library,
        OnnxSession session,
        DecoderConfiguration configuration,
        DecoderRunnerOptions options,
        LayerRange layers,
        IReadOnlyList<StageEnds> ends)
    {
        _session = session;
        _run = new OnnxRunOptions(library.Api);
        _cache = new KvMemory(configuration, options, layers);
        _bindings = [.. ends.Select(_ => new OnnxBinding(library, session))];
        _tensors = [.. ends.Zip(_bindings, (end, binding) => new StepTensors(binding, configuration, options, end))];
        Array.ForEach(_bindings, _cache.Bind);
    }

    /// <summary>Runs a half of a step.</summary>
    /// <param name="half">Which; its predecessor has filled its inputs.</param>
    /// <param name="batch">Its tokens.</param>
    /// <param name="firstLogitRow">Where its logits go, in the last stage.</param>
    public void Run(int half, StepBatch batch, int firstLogitRow)
    {
        _tensors[half].Set(batch, firstLogitRow);
        _session.Run(_run, _bindings[half]);
    }

    /// <summary>Copies a block in all its layers.</summary>
    public void CopyBlock(int source, int target) => _cache.CopyBlock(source, target);

    /// <summary>Stops what runs between two operators, until turned off. Thread-safe.</summary>
    public void SetTerminate(bool terminate) => _run.SetTerminate(terminate);

    public void Dispose()
    {
        Array.ForEach(_bindings, binding => binding.Dispose());
        _session.Dispose();
        _run.Dispose();
        Array.ForEach(_tensors, tensors => tensors.Dispose());
        _cache.Dispose();
    }
}
