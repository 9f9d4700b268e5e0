using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.Graph;
using GlmCluster.Engine.Graph.Experts;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Decoding;

/// <summary>A decoder loaded into ONNX Runtime, with its KV cache.</summary>
/// <remarks>One thread at a time, except <see cref="Abort"/>. Warm steps allocate no managed memory.</remarks>
public sealed class DecoderRunner : IStepRunner
{
    private readonly OnnxSession _session;
    private readonly OnnxBinding _binding;
    private readonly OnnxRunOptions _run;
    private readonly StepTensors _tensors;
    private readonly StepBatchCheck _check;
    private readonly Lock _abortLock = new(); // guards _isRunning and _isAborted
    private bool _isRunning;
    private bool _isAborted;

    private DecoderRunner(
        OnnxRuntimeLibrary library,
        OnnxSession session,
        string logits,
        DecoderConfiguration configuration,
        DecoderRunnerOptions options,
        int blockTokens)
    {
        VocabularySize = configuration.VocabularySize;
        BlockTokens = blockTokens;
        BlockCount = options.BlockCount;
        _session = session;
        _binding = new OnnxBinding(library, session);
        _run = new OnnxRunOptions(library.Api);
        _tensors = new StepTensors(_binding, logits, configuration, options, blockTokens);
        _check = new StepBatchCheck(options, configuration.VocabularySize, blockTokens);
    }

    /// <inheritdoc/>
    public int VocabularySize { get; }

    /// <inheritdoc/>
    public int BlockTokens { get; }

    /// <inheritdoc/>
    public int BlockCount { get; }

    /// <summary>Builds the decoder. The weights' source must stay open as long as the runner lives: some weights are read where they lie.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size in the options is less than 1.</exception>
    /// <exception cref="DeviceException">The device cannot be had.</exception>
    /// <exception cref="OnnxRuntimeException">ONNX Runtime refuses the model.</exception>
    public static DecoderRunner Load(
        OnnxRuntimeLibrary library,
        DecoderConfiguration configuration,
        DecoderWeights weights,
        DecoderRunnerOptions options,
        IProgress<LoadProgress>? progress)
    {
        ArgumentNullException.ThrowIfNull(library);
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(options);
        CheckSizes(options);
        ComputeDevice device = ComputeDevice.Open(library, options.Device);
        var loader = new WeightLoader(options.Threads, weights.All.Sum(tensor => tensor.ByteLength), progress);
        using OnnxSessionOptions sessionOptions = device.CreateSessionOptions(options.Threads, options.KvFormat);
        using var builder = new GraphBuilder(library);
        var graph = new DecoderGraph(builder, configuration, device.CreateLinear(options.WeightFormat, loader), new ExpertFormat(loader, options.WeightFormat), loader);
        string logits = graph.Add(weights, options.ContextTokens, options.BlockCount, options.KvFormat);
        return new DecoderRunner(library, builder.Build(sessionOptions), logits, configuration, options, device.BlockTokens);
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Run(StepBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        _check.Check(batch);
        ReadOnlySpan<float> logits = _tensors.Set(batch);
        Start();
        try
        {
            _session.Run(_run, _binding);
        }
        catch (OnnxRuntimeException fault) when (IsAborted())
        {
            throw new StepAbortedException($"The step was stopped before its end: {fault.Message}");
        }
        finally
        {
            Finish();
        }

        return logits;
    }

    /// <inheritdoc/>
    public void CopyBlock(int source, int target) => _tensors.CopyBlock(source, target);

    /// <inheritdoc/>
    public void Abort()
    {
        lock (_abortLock)
        {
            if (_isRunning)
            {
                _isAborted = true;
                _run.SetTerminate(true);
            }
        }
    }

    public void Dispose()
    {
        _binding.Dispose();
        _session.Dispose();
        _run.Dispose();
        _tensors.Dispose();
    }

    private static void CheckSizes(DecoderRunnerOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BlockCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxStepTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxSequences, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ContextTokens, 1);
    }

    private void Start()
    {
        lock (_abortLock)
        {
            _isRunning = true;
        }
    }

    private bool IsAborted()
    {
        lock (_abortLock)
        {
            return _isAborted;
        }
    }

    private void Finish()
    {
        lock (_abortLock)
        {
            _isRunning = false;
            if (_isAborted)
            {
                _isAborted = false;
                _run.SetTerminate(false);
            }
        }
    }
}
