using GlmCluster.Checkpoints.Configuration;

namespace GlmCluster.Silo.Loading;

/// <summary>How models that start together share a machine's memory. Plain arithmetic on numbers.</summary>
public static class MemoryPlan
{
    /// <summary>Gives every model its part: what all weights leave is divided by shares among those whose KV memory nobody chose.</summary>
    /// <param name="models">What was asked for, and which model that is. All have the same other models beside them.</param>
    /// <param name="memoryBytes">As in <see cref="ModelSizes.Fit"/>.</param>
    /// <param name="isLimit">As in <see cref="ModelSizes.Fit"/>.</param>
    /// <returns>The options, in the same order, each with its KV memory and what the others take.</returns>
    /// <exception cref="ImpossibleSettingException">They do not fit together; the message names each.</exception>
    public static IReadOnlyList<ModelLoadOptions> Share(
        IReadOnlyList<(ModelLoadOptions Options, DecoderConfiguration Model)> models, long memoryBytes, bool isLimit)
    {
        ArgumentNullException.ThrowIfNull(models);
        if (models is [var only])
        {
            return [only.Options]; // it plans for itself
        }

        memoryBytes /= models[0].Options.MemoryShares;
        KvNeeds[] needs = [.. models.Select(pair => ModelSizes.Need(pair.Model, pair.Options, memoryBytes))];
        long others = models.Select(pair => pair.Options.Others.Sum(other => other.Bytes)).FirstOrDefault();
        long weights = needs.Sum(need => need.WeightBytes);
        if (weights > memoryBytes - others)
        {
            string each = string.Join(", ", models.Select((pair, i) => $"'{pair.Options.Name}' {ModelSizes.Show(needs[i].WeightBytes)}"));
            throw new ImpossibleSettingException(
                $"The models need {ModelSizes.Show(weights)} for their weights ({each}), and this process may use {ModelSizes.Show(memoryBytes - others)} for them. "
                + "Set weights to int8 or int4, or serve fewer models.");
        }

        long chosen = models.Select((pair, i) => Math.Min(pair.Options.KvMemoryBytes ?? 0, needs[i].MostKvBytes)).Sum();
        long[] planned = Divide(
            ModelSizes.PlanKvBytes(memoryBytes, others + weights + chosen, isLimit),
            [.. models.Select((pair, i) => pair.Options.KvMemoryBytes is null ? (pair.Options.KvShare, needs[i].MostKvBytes) : (0, 0L))]);
        MemoryClaim[] claims = [.. models.Select((pair, i) => new MemoryClaim(
            pair.Options.Name, needs[i].WeightBytes, Math.Min(pair.Options.KvMemoryBytes ?? planned[i], needs[i].MostKvBytes)))];
        return [.. models.Select((pair, i) => pair.Options with
        {
            KvMemoryBytes = pair.Options.KvMemoryBytes ?? planned[i],
            Others = [.. pair.Options.Others, .. claims.Where((_, j) => j != i)],
        })];
    }

    /// <summary>Divides bytes by shares. Nobody gets more than it can use; what it leaves goes to the others.</summary>
    internal static long[] Divide(long bytes, IReadOnlyList<(int Share, long Most)> models)
    {
        long[] parts = new long[models.Count];
        int shares = models.Sum(model => model.Share);

        // Whoever is satisfied with the least of a share comes first, so that what it leaves is known before the others get theirs.
        foreach (int i in Enumerable.Range(0, models.Count).Where(i => models[i].Share > 0).OrderBy(i => (double)models[i].Most / models[i].Share))
        {
            parts[i] = Math.Min(models[i].Most, (long)((Int128)Math.Max(bytes, 0) * models[i].Share / shares));
            bytes -= parts[i];
            shares -= models[i].Share;
        }

        return parts;
    }
}
