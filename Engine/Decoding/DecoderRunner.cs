using System.Collections.Immutable;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.Stepping;
using GlmCluster.Engine.WeightCache;

namespace GlmCluster.Engine.Decoding;

/// <summary>A decoder loaded into ONNX Runtime, with its KV cache: on one device, or in stages over several.</summary>
/// <remarks>One thread at a time, except <see cref="Abort"/>. Warm steps allocate no managed memory.</remarks>
public sealed unsafe class DecoderRunner : IStepRunner
{
    private readonly LoadedStages _loaded;
    private readonly StagePipeline? _pipeline; // null: one stage
    private readonly StepBatchCheck _check;
    private readonly PrefixConfiguration? _prefix;
    private readonly Lock _abortLock = new(); // guards _isRunning and _isAborted
    private bool _isRunning;
    private bool _isAborted;

    private DecoderRunner(LoadedStages loaded, DecoderConfiguration configuration, DecoderRunnerOptions options)
    {
        VocabularySize = configuration.VocabularySize;
        BlockCount = options.BlockCount;
        _prefix = configuration.Prefix;
        _loaded = loaded;
        _check = new StepBatchCheck(options, configuration.VocabularySize, BlockTokens);
        if (loaded.Stages.Length > 1)
        {
            int blocksPerSequence = (options.ContextTokens + BlockTokens - 1) / BlockTokens;
            _pipeline = new StagePipeline(
                loaded.Stages.Length,
                new HalfBatches(options, blocksPerSequence, cutsSequences: configuration.Prefix is null),
                (stage, half, batch, firstLogitRow) => loaded.Stages[stage].Run(half, batch, firstLogitRow));
        }
    }

    /// <inheritdoc/>
    public int VocabularySize { get; }

    /// <inheritdoc/>
    public int BlockTokens => DecoderMemory.BlockTokens;

    /// <inheritdoc/>
    public int BlockCount { get; }

    /// <summary>What each device has, in the order that a token passes them.</summary>
    public ImmutableArray<StageShare> Stages => _loaded.Shares;

    /// <summary>How loading the weights went.</summary>
    public WeightLoadReport LoadReport => _loaded.Report;

    /// <summary>Builds the decoder. The weights' source must stay open as long as the runner lives: some weights are read where they lie.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size in the options is less than 1.</exception>
    /// <exception cref="DeviceException">A device cannot be had, or there are more devices than layers.</exception>
    /// <exception cref="OnnxRuntimeException">ONNX Runtime refuses the model.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled before all weights were there.</exception>
    public static DecoderRunner Load(
        OnnxRuntimeLibrary library,
        DecoderConfiguration configuration,
        DecoderWeights weights,
        DecoderRunnerOptions options,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(library);
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(options);
        CheckSizes(options);
        return new DecoderRunner(LoadedStages.Load(library, configuration, weights, options, progress, cancellationToken), configuration, options);
    }

    /// <inheritdoc/>
    public PromptPrefix PrefixOf(ReadOnlySpan<int> promptIds)
    {
        if (_prefix is null)
        {
            return default;
        }

        int start = promptIds.IndexOf(_prefix.StartId);
        int mask = promptIds.IndexOf(_prefix.GMaskId) is >= 0 and int gMask ? gMask : promptIds.IndexOf(_prefix.MaskId);
        return start >= 0 && mask >= 0
            ? new PromptPrefix(start, mask)
            : throw new ArgumentException(
                $"The prompt lacks the id {_prefix.StartId} that starts an answer, or the id {_prefix.GMaskId} or {_prefix.MaskId} "
                + "that says where it goes; this model needs both. Use its chat template.");
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Run(StepBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        _check.Check(batch);
        Start();
        try
        {
            if (_pipeline is null)
            {
                _loaded.Stages[0].Run(half: 0, batch, firstLogitRow: 0);
            }
            else
            {
                _pipeline.Run(batch);
            }
        }
        catch (OnnxRuntimeException fault) when (IsAborted())
        {
            throw new StepAbortedException($"The step was stopped before its end: {fault.Message}");
        }
        finally
        {
            Finish();
        }

        return new ReadOnlySpan<float>((void*)_loaded.Logits.Address, batch.LogitRowCount * VocabularySize);
    }

    /// <inheritdoc/>
    public void CopyBlock(int source, int target)
    {
        foreach (DecoderStage stage in _loaded.Stages)
        {
            stage.CopyBlock(source, target);
        }
    }

    /// <inheritdoc/>
    public void Abort()
    {
        lock (_abortLock)
        {
            if (_isRunning)
            {
                _isAborted = true;
                SetTerminate(true);
            }
        }
    }

    public void Dispose()
    {
        _pipeline?.Dispose();
        _loaded.Dispose();
    }

    private static void CheckSizes(DecoderRunnerOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Devices.Length, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BlockCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxStepTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxSequences, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ContextTokens, 1);
    }

    private void SetTerminate(bool terminate)
    {
        foreach (DecoderStage stage in _loaded.Stages)
        {
            stage.SetTerminate(terminate);
        }
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
                SetTerminate(false);
            }
        }
    }
}
