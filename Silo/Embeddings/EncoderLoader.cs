using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Checkpoints.Hashing;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.Embeddings;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.WeightCache;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Silo.Embeddings;

/// <summary>Makes the folder of an embedding model ready to run.</summary>
public sealed class EncoderLoader(ModelLoadOptions options, TimeProvider time, IProgress<LoadProgress>? progress)
{
    /// <summary>Larger models are held in 8 bits where nobody chose: the line of models that generate.</summary>
    private const long LargestF32Bytes = 2L << 30;

    /// <summary>What a folder's model will take, about; no weight is read.</summary>
    /// <exception cref="CheckpointException">The folder is broken or not supported.</exception>
    public static MemoryClaim Measure(ModelLoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        EncoderConfiguration configuration = EncoderConfigurationReader.Read(options.Folder);
        return new MemoryClaim(options.Name, EncoderMemory.WeightBytes(configuration, ChooseFormat(configuration, options)), KvBytes: 0);
    }

    /// <exception cref="CheckpointException">The folder is broken or not supported.</exception>
    /// <exception cref="ImpossibleSettingException">It does not fit.</exception>
    /// <exception cref="OnnxRuntimeException">The native library or the device cannot be had.</exception>
    public async Task<LoadedEncoder> LoadAsync(CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        EncoderCheckpoint checkpoint = EncoderCheckpoint.Open(options.Folder);
        try
        {
            EncoderTensors<TensorView> tensors = checkpoint.ReadEncoder();
            EmbeddingRecipe recipe = checkpoint.Recipe with { MaxTokens = Math.Min(checkpoint.Recipe.MaxTokens, options.MaxContext ?? int.MaxValue) };
            (WeightFormat format, long bytes) = Fit(checkpoint.Configuration);
            TextAssets assets = TextAssets.FromFolder(options.Folder);
            TextModel.Load(assets); // a tokenizer that gateways could not read stops the start here
            string hash = await ContentHash.ComputeAsync(options.Folder, new ContentHashCache(options.CacheFolder), progress, cancellationToken);
            var runnerOptions = new EncoderRunnerOptions
            {
                Device = DeviceName.ParseList(options.Device)[0],
                Threads = options.Threads,
                WeightFormat = format,
                WeightCache = format == WeightFormat.F32 ? null : WeightCachePlan.For(options.Folder, options.CacheFolder, hash, format),
                MaxStepTokens = Math.Max(options.StepTokens, recipe.MaxTokens),
            };
            EncoderRunner runner = EncoderRunner.Load(
                OnnxRuntimeLibrary.Load(options.OnnxRuntimeLibrary), checkpoint.Configuration, tensors, runnerOptions, progress, cancellationToken);
            return new LoadedEncoder(checkpoint)
            {
                Card = ToCard(checkpoint.Configuration, recipe, assets, hash, format),
                Assets = assets,
                Runner = runner,
                Recipe = recipe,
                EngineLimits = new EmbeddingEngineOptions { StepTokens = options.StepTokens, MaxQueuedRequests = Math.Max(1, options.MaxQueued) },
                WeightBytes = bytes,
                LoadTime = time.GetElapsedTime(start),
                Folder = options.Folder,
            };
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    private static WeightFormat ChooseFormat(EncoderConfiguration configuration, ModelLoadOptions options) => options.Weights
        ?? (EncoderMemory.WeightBytes(configuration, WeightFormat.F32) <= LargestF32Bytes ? WeightFormat.F32 : WeightFormat.Int8);

    /// <summary>Chooses the weight format, and refuses what the machine cannot hold.</summary>
    private (WeightFormat Format, long Bytes) Fit(EncoderConfiguration configuration)
    {
        WeightFormat format = ChooseFormat(configuration, options);
        long bytes = EncoderMemory.WeightBytes(configuration, format);
        long room = (MachineMemory.Read().Bytes / options.MemoryShares) - options.Others.Sum(other => other.Bytes);
        return bytes <= room
            ? (format, bytes)
            : throw new ImpossibleSettingException(
                $"The model '{options.Name}' needs {ModelSizes.Show(bytes)} for its {format.Name()} weights, and {ModelSizes.Show(Math.Max(room, 0))} "
                + "are left for it. Set weights to int8 or int4, or serve fewer models.");
    }

    private ModelCard ToCard(EncoderConfiguration configuration, EmbeddingRecipe recipe, TextAssets assets, string contentHash, WeightFormat format) => new()
    {
        Model = new ModelReference(options.Name, contentHash),
        Architecture = configuration.Family.ModelType,
        ContextTokens = recipe.MaxTokens,
        VocabularySize = configuration.VocabularySize,
        StopIds = [],
        DefaultSampling = new SamplingSettings(),
        TextAssetsHash = assets.Hash,
        WeightFormat = format.Name(),
        Embedding = new EmbeddingCard(recipe.Dimensions(configuration), recipe.Normalizes),
        PublishedAt = time.GetUtcNow(),
    };
}
