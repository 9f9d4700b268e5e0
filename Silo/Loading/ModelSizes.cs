using System.Collections.Immutable;
using System.Globalization;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Decoding;

namespace GlmCluster.Silo.Loading;

/// <summary>How a model fits a machine. Plain arithmetic on numbers.</summary>
/// <param name="Weights">How weights are kept.</param>
/// <param name="Kv">How keys and values are kept.</param>
/// <param name="ContextTokens">Longest prompt and answer together.</param>
/// <param name="BlockCount">KV blocks.</param>
/// <param name="WeightBytes">Memory of the weights, about.</param>
/// <param name="KvBytes">Memory of the KV cache when full.</param>
public sealed record ModelSizes(WeightFormat Weights, KvFormat Kv, int ContextTokens, int BlockCount, long WeightBytes, long KvBytes)
{
    /// <summary>Weights up to this size stay f32 when nobody chose.</summary>
    private const long LargestAutoF32Bytes = 2L << 30;

    /// <summary>The program itself, its managed heap, and the buffers of a step.</summary>
    private const long SmallestReserveBytes = 512L << 20;

    /// <summary>Fits a model to a machine.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="memoryBytes">What this process and those it shares with may use; respects a container's limit.</param>
    /// <param name="isLimit">That memory is set aside for this process; else others use the machine too, and half of what is left is planned for.</param>
    /// <exception cref="ImpossibleSettingException">It does not fit; the message names the setting.</exception>
    public static ModelSizes Fit(DecoderConfiguration model, ModelLoadOptions options, long memoryBytes, bool isLimit = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        Require(options.StepTokens >= options.MaxSequences,
            $"step-tokens is {options.StepTokens} and max-sequences {options.MaxSequences}; step-tokens must be at least as large.");
        Require(options.MaxContext is null || options.MaxContext <= model.ContextTokens,
            $"max-context is {options.MaxContext}; this model was made for at most {model.ContextTokens} tokens.");

        memoryBytes /= options.MemoryShares;
        WeightFormat weights = options.Weights ?? ChooseWeights(model, memoryBytes);
        long weightBytes = DecoderMemory.WeightBytes(model, weights);
        long otherBytes = options.Others.Sum(other => other.Bytes);
        Require(weightBytes <= memoryBytes - otherBytes,
            $"The model '{options.Name}' needs {Show(weightBytes)} as {weights.Name()}, and this process may use {Show(memoryBytes)}{Describe(options.Others)}. "
            + $"Set weights to int8 or int4, or use a smaller model{(otherBytes > 0 ? ", or unload another or give it less kv-memory" : "")}.");

        KvFormat kv = options.Kv ?? KvFormats.For(weights);
        long blockBytes = DecoderMemory.BlockBytes(model, kv);
        long kvBytes = options.KvMemoryBytes ?? PlanKvBytes(memoryBytes, weightBytes + otherBytes, isLimit);
        long affordable = kvBytes / blockBytes;
        int wanted = options.MaxContext ?? model.ContextTokens;
        long useful = (long)BlocksFor(wanted) * options.MaxSequences;
        int blocks = (int)Math.Min(Math.Min(affordable, useful), int.MaxValue / DecoderMemory.BlockTokens);
        int context = Math.Min(wanted, blocks * DecoderMemory.BlockTokens);
        Require(blocks >= 1 && (options.MaxContext is null || context == wanted),
            $"kv-memory is {Show(kvBytes)} for '{options.Name}' and holds {context} tokens; one context of {wanted} tokens needs "
            + $"{Show(BlocksFor(wanted) * blockBytes)}. Raise kv-memory, lower max-context, or set kv-format to int8.");
        Require(weightBytes + (blocks * blockBytes) <= memoryBytes - otherBytes,
            $"The model '{options.Name}' needs {Show(weightBytes)} for weights and {Show(blocks * blockBytes)} for its KV cache, and this process may use "
            + $"{Show(memoryBytes)}{Describe(options.Others)}. Lower kv-memory or max-context, or set weights to int8 or int4.");
        return new ModelSizes(weights, kv, context, blocks, weightBytes, blocks * blockBytes);
    }

    /// <summary>What a model takes before anybody planned, and at most.</summary>
    internal static KvNeeds Need(DecoderConfiguration model, ModelLoadOptions options, long memoryBytes)
    {
        WeightFormat weights = options.Weights ?? ChooseWeights(model, memoryBytes);
        long contextBytes = BlocksFor(options.MaxContext ?? model.ContextTokens) * DecoderMemory.BlockBytes(model, options.Kv ?? KvFormats.For(weights));
        return new KvNeeds(DecoderMemory.WeightBytes(model, weights), contextBytes * options.MaxSequences);
    }

    /// <summary>What the weights and a reserve for everything else leave; where memory is tight, a quarter of what the weights leave.</summary>
    /// <param name="memoryBytes">What this process may use.</param>
    /// <param name="weightBytes">Of the model, with everything that other models take.</param>
    /// <param name="isLimit">As in <see cref="Fit"/>.</param>
    internal static long PlanKvBytes(long memoryBytes, long weightBytes, bool isLimit)
    {
        long left = memoryBytes - weightBytes;
        long planned = Math.Max(left - Math.Max(SmallestReserveBytes, memoryBytes / 16), left / 4);
        return isLimit ? planned : planned / 2;
    }

    private static WeightFormat ChooseWeights(DecoderConfiguration model, long memoryBytes) => model.QuantizationBits switch
    {
        // Numbers that are quantised already stay as they are.
        4 => WeightFormat.Int4Block128,
        8 => WeightFormat.Int8,
        _ => ChooseForFloats(model, memoryBytes),
    };

    private static WeightFormat ChooseForFloats(DecoderConfiguration model, long memoryBytes) =>
        DecoderMemory.WeightBytes(model, WeightFormat.F32) <= Math.Min(LargestAutoF32Bytes, memoryBytes / 3) ? WeightFormat.F32 : WeightFormat.Int8;

    private static int BlocksFor(int tokens) => (tokens + DecoderMemory.BlockTokens - 1) / DecoderMemory.BlockTokens;

    /// <summary>Bytes as messages have them.</summary>
    internal static string Show(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024):N0} MiB");

    private static string Describe(ImmutableArray<MemoryClaim> others) => others.IsEmpty
        ? ""
        : $", of which other models have {string.Join(" and ", others.Select(other => $"{Show(other.Bytes)} ('{other.Model}')"))}";

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new ImpossibleSettingException(message);
        }
    }
}

/// <summary>What a model takes before memory is planned.</summary>
/// <param name="WeightBytes">Memory of its weights.</param>
/// <param name="MostKvBytes">Largest KV cache that its sequences can use.</param>
internal readonly record struct KvNeeds(long WeightBytes, long MostKvBytes);

/// <summary>Settings that cannot be met on this machine with this model. The message names the setting and the remedy.</summary>
public sealed class ImpossibleSettingException(string message) : Exception(message);
