using System.Diagnostics;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.Graph;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.WeightCache;

namespace GlmCluster.Engine.Embeddings;

/// <summary>An encoder loaded into ONNX Runtime.</summary>
/// <remarks>One thread at a time.</remarks>
public sealed unsafe class EncoderRunner : IDisposable
{
    private readonly OnnxSession _session;
    private readonly OnnxRunOptions _run;
    private readonly OnnxBinding _binding;
    private readonly PageMemory _output;
    private readonly BoundTensor<long> _tokenIds;
    private readonly BoundTensor<long> _positions;
    private readonly BoundTensor<int> _cumulativeLengths;
    private readonly BoundTensor<float> _hidden;
    private readonly long[] _positionValues;

    private EncoderRunner(
        OnnxRuntimeLibrary library, OnnxSession session, EncoderConfiguration configuration, string output, EncoderRunnerOptions options)
    {
        Configuration = configuration;
        _session = session;
        _run = new OnnxRunOptions(library.Api);
        _binding = new OnnxBinding(library, session);
        _output = new PageMemory((long)options.MaxStepTokens * configuration.HiddenSize * sizeof(float));
        _positionValues = new long[options.MaxStepTokens];
        _tokenIds = new BoundTensor<long>(_binding, EncoderGraph.TokenIds, TensorElement.I64, options.MaxStepTokens);
        _positions = new BoundTensor<long>(_binding, EncoderGraph.Positions, TensorElement.I64, options.MaxStepTokens);
        _cumulativeLengths = new BoundTensor<int>(_binding, EncoderGraph.CumulativeLengths, TensorElement.I32, options.MaxStepTokens + 1L);
        _hidden = new BoundTensor<float>(_binding, output, TensorElement.F32, _output, isOutput: true);
    }

    public EncoderConfiguration Configuration { get; }

    /// <summary>How loading the weights went.</summary>
    public WeightLoadReport LoadReport { get; private init; } = new();

    /// <summary>Builds the encoder. The weights' source must stay open as long as the runner lives: some weights are read where they lie.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size in the options is less than 1.</exception>
    /// <exception cref="DeviceException">The device cannot be had.</exception>
    /// <exception cref="OnnxRuntimeException">ONNX Runtime refuses the model.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled before all weights were there.</exception>
    public static EncoderRunner Load(
        OnnxRuntimeLibrary library,
        EncoderConfiguration configuration,
        EncoderTensors<TensorView> tensors,
        EncoderRunnerOptions options,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxStepTokens, 1);
        WeightCacheOpening cache = WeightCacheOpening.Open(options.WeightCache, options.WeightFormat, options.Threads, progress);
        using QuantizedStore store = cache.Store;
        var loader = new WeightLoader(options.Threads, tensors.All().Sum(tensor => tensor.ByteLength), progress)
        {
            Store = store,
            Cancellation = cancellationToken,
        };
        long start = Stopwatch.GetTimestamp();
        using var builder = new GraphBuilder(library);
        ComputeDevice device = ComputeDevice.Open(library, options.Device);
        string output = new EncoderGraph(builder, configuration, device.CreateLinear(options.WeightFormat, loader), loader).Add(tensors);
        WeightLoadReport report = cache.Complete() with { Convert = Stopwatch.GetElapsedTime(start) };
        start = Stopwatch.GetTimestamp();
        using OnnxSessionOptions sessionOptions = device.CreateSessionOptions(options.Threads, KvFormat.F32);
        OnnxSession session = builder.Build(sessionOptions);
        return new EncoderRunner(library, session, configuration, output, options)
        {
            LoadReport = report with { Prepack = Stopwatch.GetElapsedTime(start) },
        };
    }

    /// <summary>Runs a step.</summary>
    /// <param name="batch">At least one text; ids are below the vocabulary's size, and no text is longer than the context.</param>
    /// <returns>The tokens' vectors, shape (tokens, hidden); valid until the next step.</returns>
    /// <exception cref="ArgumentException">A text is too long, or an id does not exist.</exception>
    public ReadOnlySpan<float> Run(EncoderBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        SetPositions(batch);
        _tokenIds.Set(batch.TokenIds.AsSpan(0, batch.TokenCount));
        _positions.Set(_positionValues.AsSpan(0, batch.TokenCount));
        _cumulativeLengths.Set(batch.CumulativeLengths.AsSpan(0, batch.TextCount + 1));
        _hidden.Reserve(batch.TokenCount, Configuration.HiddenSize);
        _session.Run(_run, _binding);
        return new ReadOnlySpan<float>((void*)_output.Address, batch.TokenCount * Configuration.HiddenSize);
    }

    public void Dispose()
    {
        _binding.Dispose();
        _session.Dispose();
        _run.Dispose();
        _tokenIds.Dispose();
        _positions.Dispose();
        _cumulativeLengths.Dispose();
        _hidden.Dispose();
        _output.Dispose();
    }

    /// <summary>Positions count up; where they start behind the padding id, padding itself has that one and is not counted.</summary>
    private void SetPositions(EncoderBatch batch)
    {
        for (int text = 0; text < batch.TextCount; text++)
        {
            (int start, int end) = (batch.CumulativeLengths[text], batch.CumulativeLengths[text + 1]);
            if (end - start > Configuration.ContextTokens)
            {
                throw new ArgumentException($"A text has {end - start} tokens; the model takes {Configuration.ContextTokens}.", nameof(batch));
            }

            int position = Configuration.FirstPosition;
            for (int token = start; token < end; token++)
            {
                long id = batch.TokenIds[token];
                if ((ulong)id >= (ulong)Configuration.VocabularySize)
                {
                    throw new ArgumentException($"The token id {id} does not exist; ids are 0 to {Configuration.VocabularySize - 1}.", nameof(batch));
                }

                bool isPadding = Configuration.Family.CountsPositionsFromPadding && id == Configuration.PaddingId;
                _positionValues[token] = isPadding ? Configuration.PaddingId : position++;
            }
        }
    }
}
