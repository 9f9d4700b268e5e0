using System.Collections.Immutable;
using System.Diagnostics;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.Graph;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.WeightCache;

namespace GlmCluster.Engine.Decoding.Stages;

/// <summary>The stages of a decoder and the memory between them.</summary>
internal sealed class LoadedStages : IDisposable
{
    /// <summary>Half-batches that can be under way at once where there are several stages.</summary>
    private const int Halves = 2;

    private readonly List<HiddenStates> _between = [];

    private LoadedStages(ImmutableArray<StageShare> shares, DecoderConfiguration configuration, DecoderRunnerOptions options)
    {
        Shares = shares;
        Stages = new DecoderStage[shares.Length];

        // A half without logits computes a row that nobody reads; it may lie behind all others.
        Logits = new PageMemory((options.MaxStepTokens + 1L) * configuration.VocabularySize * sizeof(float));
    }

    public ImmutableArray<StageShare> Shares { get; }

    public DecoderStage[] Stages { get; }

    /// <summary>Logits of a step, shape (logit rows, vocabulary).</summary>
    public PageMemory Logits { get; }

    /// <exception cref="DeviceException">A device cannot be had, or there are more devices than layers.</exception>
    /// <exception cref="OnnxRuntimeException">ONNX Runtime refuses the model.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled before all weights were there.</exception>
    public static LoadedStages Load(
        OnnxRuntimeLibrary library,
        DecoderConfiguration configuration,
        DecoderWeights weights,
        DecoderRunnerOptions options,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        var loaded = new LoadedStages(ShareOut(configuration, options), configuration, options);
        try
        {
            loaded.LoadAll(library, configuration, weights, options, progress, cancellationToken);
            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    /// <summary>How loading the weights went.</summary>
    public WeightLoadReport Report { get; private set; } = new();

    public void Dispose()
    {
        foreach (DecoderStage? stage in Stages)
        {
            stage?.Dispose();
        }

        _between.ForEach(hidden => hidden.Dispose());
        Logits.Dispose();
    }

    private static ImmutableArray<StageShare> ShareOut(DecoderConfiguration configuration, DecoderRunnerOptions options)
    {
        int stages = options.Devices.Length;
        if (stages > configuration.Layers)
        {
            throw new DeviceException($"{stages} devices are given and the model has {configuration.Layers} layers; give at most one device per layer.");
        }

        long[] layerBytes = DecoderMemory.LayerWeightBytes(configuration, options.WeightFormat);
        long headBytes = DecoderMemory.HeadBytes(configuration, options.WeightFormat);
        LayerRange[] ranges = LayerRange.Cut(layerBytes, headBytes, stages);
        return [.. ranges.Select((range, stage) => new StageShare(
            options.Devices[stage],
            range,
            Math.Max(1, (options.Threads / stages) + (stage < options.Threads % stages ? 1 : 0)),
            layerBytes[range.First..range.End].Sum() + (stage == stages - 1 ? headBytes : 0),
            options.BlockCount * KvCacheLayout.Of(configuration, range).Sum(cache => cache.BlockBytes(options.KvFormat))))];
    }

    private void LoadAll(
        OnnxRuntimeLibrary library,
        DecoderConfiguration configuration,
        DecoderWeights weights,
        DecoderRunnerOptions options,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        WeightCacheOpening cache = WeightCacheOpening.Open(options.WeightCache, options.WeightFormat, options.Threads, progress);
        using QuantizedStore store = cache.Store;
        var loader = new WeightLoader(options.Threads, weights.All.Sum(tensor => tensor.ByteLength), progress)
        {
            Store = store,
            Cancellation = cancellationToken,
        };
        long start = Stopwatch.GetTimestamp();
        List<GraphBuilder> builders = [];
        try
        {
            List<IReadOnlyList<string>> outputNames = [];
            foreach (StageShare share in Shares)
            {
                builders.Add(new GraphBuilder(library));
                LinearFormat linear = ComputeDevice.Open(library, share.Device).CreateLinear(options.WeightFormat, loader);
                var graph = new DecoderGraph(builders[^1], configuration, linear, new PackedFormat(loader, options.WeightFormat), loader);
                outputNames.Add(graph.Add(weights, share.Layers, options.ContextTokens, options.BlockCount, options.KvFormat));
            }

            WeightLoadReport report = cache.Complete() with { Convert = Stopwatch.GetElapsedTime(start) };
            start = Stopwatch.GetTimestamp();
            BuildAll(library, configuration, options, builders, outputNames);
            Report = report with { Prepack = Stopwatch.GetElapsedTime(start) };
        }
        finally
        {
            builders.ForEach(builder => builder.Dispose());
        }
    }

    /// <summary>Makes sessions of the graphs and puts memory between them.</summary>
    private void BuildAll(
        OnnxRuntimeLibrary library,
        DecoderConfiguration configuration,
        DecoderRunnerOptions options,
        List<GraphBuilder> builders,
        List<IReadOnlyList<string>> outputNames)
    {
        HiddenStates?[] inputs = new HiddenStates?[Stages.Length > 1 ? Halves : 1]; // null: the first stage reads token ids
        for (int i = 0; i < Stages.Length; i++)
        {
            StageShare share = Shares[i];
            using OnnxSessionOptions sessionOptions = ComputeDevice.Open(library, share.Device).CreateSessionOptions(share.Threads, options.KvFormat);
            HiddenStates?[] outputs = [.. inputs.Select(_ => i == Stages.Length - 1 ? null : CreateBetween(configuration, options))];
            StageEnds[] ends = [.. inputs.Zip(outputs, (input, output) => new StageEnds(input, output, Logits, outputNames[i]))];
            Stages[i] = new DecoderStage(library, builders[i].Build(sessionOptions), configuration, options, share.Layers, ends);
            inputs = outputs;
        }
    }

    private HiddenStates CreateBetween(DecoderConfiguration configuration, DecoderRunnerOptions options)
    {
        var hidden = new HiddenStates(configuration, options);
        _between.Add(hidden);
        return hidden;
    }
}
