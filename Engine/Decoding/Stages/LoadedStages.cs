using System.Collections.Immutable;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.Graph;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Onnx;

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
    public static LoadedStages Load(
        OnnxRuntimeLibrary library,
        DecoderConfiguration configuration,
        DecoderWeights weights,
        DecoderRunnerOptions options,
        IProgress<LoadProgress>? progress)
    {
        var loaded = new LoadedStages(ShareOut(configuration, options), configuration, options);
        try
        {
            loaded.LoadAll(library, configuration, weights, options, progress);
            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

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
        IProgress<LoadProgress>? progress)
    {
        var loader = new WeightLoader(options.Threads, weights.All.Sum(tensor => tensor.ByteLength), progress);
        int halves = Stages.Length > 1 ? Halves : 1;
        HiddenStates?[] inputs = new HiddenStates?[halves]; // null: the first stage reads token ids
        for (int i = 0; i < Stages.Length; i++)
        {
            StageShare share = Shares[i];
            ComputeDevice device = ComputeDevice.Open(library, share.Device);
            using OnnxSessionOptions sessionOptions = device.CreateSessionOptions(share.Threads, options.KvFormat);
            using var builder = new GraphBuilder(library);
            var graph = new DecoderGraph(
                builder, configuration, device.CreateLinear(options.WeightFormat, loader), new PackedFormat(loader, options.WeightFormat), loader);
            IReadOnlyList<string> names = graph.Add(weights, share.Layers, options.ContextTokens, options.BlockCount, options.KvFormat);
            HiddenStates?[] outputs = [.. inputs.Select(_ => i == Stages.Length - 1 ? null : CreateBetween(configuration, options))];
            StageEnds[] ends = [.. inputs.Zip(outputs, (input, output) => new StageEnds(input, output, Logits, names))];
            Stages[i] = new DecoderStage(library, builder.Build(sessionOptions), configuration, options, share.Layers, ends);
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
