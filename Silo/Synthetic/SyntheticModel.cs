using System.Security.Cryptography;
using System.Text;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Loop;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Silo.Synthetic;

/// <summary>A model without weights whose steps take a stated time, with the text side of a real one: what everything around a model costs can be measured.</summary>
public static class SyntheticModel
{
    private const int DefaultContextTokens = 8192;

    /// <param name="options">Name, limits, and the folder whose text side it has.</param>
    /// <param name="stepsPerSecond">Positive.</param>
    /// <param name="time">Clock of the steps.</param>
    /// <exception cref="CheckpointException">The folder's text side is broken.</exception>
    /// <exception cref="ImpossibleSettingException">More sequences than tokens in a step.</exception>
    public static LoadedModel Create(ModelLoadOptions options, double stepsPerSecond, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        if (options.StepTokens < options.MaxSequences)
        {
            throw new ImpossibleSettingException(
                $"step-tokens is {options.StepTokens} and max-sequences {options.MaxSequences}; step-tokens must be at least as large.");
        }

        long start = time.GetTimestamp();
        TextAssets assets = TextAssets.FromFolder(options.Folder);
        var text = TextModel.Load(assets);
        int context = options.MaxContext ?? DefaultContextTokens;
        int blocks = options.MaxSequences * ((context + DecoderMemory.BlockTokens - 1) / DecoderMemory.BlockTokens);
        string identity = HashOf(assets);
        var runner = new SyntheticStepRunner(
            new SyntheticLanguage(text.Tokenizer), text.Tokenizer.Count, blocks, StepTicks(stepsPerSecond, time), time);
        return new LoadedModel(runner)
        {
            Card = ToCard(options, assets, text, context, identity, time.GetUtcNow()),
            Assets = assets,
            Text = text,
            Runner = runner,
            Sizes = new ModelSizes(WeightFormat.F32, KvFormat.F32, context, blocks, WeightBytes: 0, (long)blocks * DecoderMemory.BlockTokens * sizeof(ulong)),
            Stages = [],
            EngineLimits = new GenerationEngineOptions
            {
                ContextTokens = context,
                MaxSequences = options.MaxSequences,
                StepTokenBudget = options.StepTokens,
                PrefillSlowdown = options.PrefillSlowdown,
                PrefixSeed = identity,
                CacheScope = options.CacheScope,
            },
            Parameters = 0,
            LoadTime = time.GetElapsedTime(start),
            Device = options.Device,
            Threads = 0,
        };
    }

    /// <summary>Steps end at whole multiples of this, in ticks of a clock.</summary>
    public static long StepTicks(double stepsPerSecond, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return Math.Max(1, (long)(time.TimestampFrequency / stepsPerSecond));
    }

    private static ModelCard ToCard(
        ModelLoadOptions options, TextAssets assets, TextModel text, int contextTokens, string contentHash, DateTimeOffset now) => new()
        {
            Model = new ModelReference(options.Name, contentHash),
            Architecture = "synthetic",
            ContextTokens = contextTokens,
            VocabularySize = text.Tokenizer.Count,
            StopIds = text.Defaults.StopIds,
            DefaultSampling = new SamplingSettings { Temperature = text.Defaults.Temperature, TopP = text.Defaults.TopP, TopK = text.Defaults.TopK },
            TextAssetsHash = assets.Hash,
            WeightFormat = "none",
            NumericsClass = $"fp_{contentHash[..16]}", // a hash of ids is the same on every machine
            PublishedAt = now,
        };

    /// <summary>All synthetic models with one text side say the same, at whatever pace.</summary>
    private static string HashOf(TextAssets assets) => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"synthetic {assets.Hash}")));
}
