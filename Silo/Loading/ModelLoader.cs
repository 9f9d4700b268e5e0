using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Hashing;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.Verification;
using GlmCluster.Engine.WeightCache;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Silo.Loading;

/// <summary>Makes a model folder, or made-up weights, ready to run.</summary>
public sealed class ModelLoader(ModelLoadOptions options, TimeProvider time, IProgress<LoadProgress>? progress)
{
    /// <summary>Loads the folder of the options. Hashing and the text side run beside the weights.</summary>
    /// <exception cref="CheckpointException">The folder is broken or not supported.</exception>
    /// <exception cref="ImpossibleSettingException">It does not fit.</exception>
    /// <exception cref="OnnxRuntimeException">The native library or the device cannot be had.</exception>
    public async Task<LoadedModel> LoadFolderAsync(CancellationToken cancellationToken)
    {
        var checkpoint = Checkpoint.Open(options.Folder);
        try
        {
            Task<string> hash = ContentHash.ComputeAsync(options.Folder, new ContentHashCache(options.CacheFolder), progress, cancellationToken);
            Task<TextAssets> assets = Task.Run(() => TextAssets.FromFolder(options.Folder), cancellationToken);
            DecoderWeights weights = checkpoint.ReadDecoder();
            return await LoadAsync(checkpoint, checkpoint.Configuration, weights, await assets, hash, PlanCache, cancellationToken);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Loads weights that were made up, for measurements.</summary>
    /// <param name="configuration">Shape.</param>
    /// <param name="source">Weights; disposed with the model.</param>
    /// <param name="assets">Any text side with as many ids.</param>
    /// <param name="cancellationToken">Ends the load between stages.</param>
    public Task<LoadedModel> LoadSyntheticAsync(
        DecoderConfiguration configuration, IWeightSource source, TextAssets assets, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(assets);
        DecoderWeights weights = DecoderWeightsReader.Read(configuration, source);
        return LoadAsync(source, configuration, weights, assets, Task.FromResult(assets.Hash), (_, _) => null, cancellationToken);
    }

    private async Task<LoadedModel> LoadAsync(
        IDisposable source,
        DecoderConfiguration configuration,
        DecoderWeights weights,
        TextAssets assets,
        Task<string> contentHash,
        Func<string, WeightFormat, WeightCachePlan?> planCache,
        CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        MachineMemory memory = MachineMemory.Read();
        ModelSizes sizes = ModelSizes.Fit(configuration, options, memory.Bytes, memory.IsLimit);
        Task<TextModel> text = Task.Run(() => TextModel.Load(assets), cancellationToken);

        // Quantised weights are found by the hash; others are loaded while it is computed.
        WeightCachePlan? cache = sizes.Weights == WeightFormat.F32 ? null : planCache(await contentHash, sizes.Weights);
        DecoderRunner runner = DecoderRunner.Load(
            OnnxRuntimeLibrary.Load(options.OnnxRuntimeLibrary),
            configuration,
            weights,
            ToRunnerOptions(configuration, sizes) with { WeightCache = cache },
            progress,
            cancellationToken);
        try
        {
            TextModel loadedText = await text;
            string hash = await contentHash;
            string identity = $"{hash} {sizes.Weights} {sizes.Kv}";
            return new LoadedModel(source)
            {
                Card = ToCard(configuration, sizes, assets, loadedText, hash) with
                {
                    NumericsClass = sizes.ContextTokens >= NumericsProbe.Tokens
                        ? NumericsProbe.Run(runner, StepTokens(configuration, sizes), configuration.Prefix, identity)
                        : null,
                },
                Assets = assets,
                Text = loadedText,
                Runner = runner,
                Sizes = sizes,
                Stages = runner.Stages,
                EngineLimits = new GenerationEngineOptions
                {
                    ContextTokens = sizes.ContextTokens,
                    MaxSequences = options.MaxSequences,
                    StepTokenBudget = StepTokens(configuration, sizes),
                    PrefillSlowdown = options.PrefillSlowdown,
                    PrefixSeed = identity,
                    CacheScope = options.CacheScope,
                },
                Parameters = DecoderMemory.Parameters(configuration),
                WeightLoad = runner.LoadReport,
                LoadTime = time.GetElapsedTime(start),
                Folder = source is Checkpoint ? options.Folder : null,
                Device = options.Device,
                Threads = options.Threads,
            };
        }
        catch
        {
            runner.Dispose();
            throw;
        }
    }

    private WeightCachePlan PlanCache(string contentHash, WeightFormat format) =>
        WeightCachePlan.For(options.Folder, options.CacheFolder, contentHash, format);

    private DecoderRunnerOptions ToRunnerOptions(DecoderConfiguration configuration, ModelSizes sizes) => new()
    {
        Devices = DeviceName.ParseList(options.Device),
        Threads = options.Threads,
        WeightFormat = sizes.Weights,
        KvFormat = sizes.Kv,
        BlockCount = sizes.BlockCount,
        MaxStepTokens = StepTokens(configuration, sizes),
        MaxSequences = options.MaxSequences,
        ContextTokens = sizes.ContextTokens,
    };

    /// <summary>A prompt that sees itself whole goes in in one step, beside what all others decode.</summary>
    private int StepTokens(DecoderConfiguration configuration, ModelSizes sizes) =>
        configuration.Prefix is null ? options.StepTokens : Math.Max(options.StepTokens, sizes.ContextTokens + options.MaxSequences);

    private ModelCard ToCard(DecoderConfiguration configuration, ModelSizes sizes, TextAssets assets, TextModel text, string contentHash)
    {
        GenerationDefaults defaults = text.Defaults;
        return new ModelCard
        {
            Model = new ModelReference(options.Name, contentHash),
            Architecture = configuration.Family.ModelType,
            ContextTokens = sizes.ContextTokens,
            VocabularySize = configuration.VocabularySize,
            StopIds = defaults.StopIds,
            DefaultSampling = new SamplingSettings { Temperature = defaults.Temperature, TopP = defaults.TopP, TopK = defaults.TopK },
            TextAssetsHash = assets.Hash,
            WeightFormat = sizes.Weights.Name(),
            PublishedAt = time.GetUtcNow(),
        };
    }
}
