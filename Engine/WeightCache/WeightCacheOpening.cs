using GlmCluster.Checkpoints;
using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.WeightCache;

/// <summary>Finds usable quantised weights, or prepares to make them.</summary>
/// <param name="Store">Owned by the caller.</param>
/// <param name="Report">What was found so far.</param>
internal sealed record WeightCacheOpening(QuantizedStore Store, WeightLoadReport Report)
{
    /// <summary>Tries the plan's files in turn, then starts a new one; where that fails too, goes on without.</summary>
    /// <param name="plan">Null: quantise and keep nothing.</param>
    public static WeightCacheOpening Open(WeightCachePlan? plan, WeightFormat format, int threads, IProgress<LoadProgress>? progress)
    {
        if (plan is null || format == WeightFormat.F32)
        {
            return new WeightCacheOpening(new QuantizedStore(), new WeightLoadReport());
        }

        var key = new WeightCacheKey(plan.ContentHash, format);
        List<string> notes = [];
        foreach (string path in plan.ReadPaths.Where(File.Exists))
        {
            try
            {
                var reader = WeightCacheReader.Open(path, key, threads, progress);
                return new WeightCacheOpening(
                    reader, new WeightLoadReport { ReadFrom = path, Read = reader.ReadTime, Verify = reader.VerifyTime, Notes = notes });
            }
            catch (Exception e) when (e is WeightCacheException or IOException or UnauthorizedAccessException)
            {
                notes.Add(e is WeightCacheException ? $"{path} {e.Message}; it is not used." : $"{path} cannot be read: {e.Message}");
            }
        }

        return Create(plan.WritePath, key, notes);
    }

    /// <summary>Starts a new file.</summary>
    /// <param name="notes">Of what was tried before; added to.</param>
    public static WeightCacheOpening Create(string path, WeightCacheKey key, List<string> notes)
    {
        try
        {
            return new WeightCacheOpening(WeightCacheWriter.Create(path, key), new WeightLoadReport { WrittenTo = path, Notes = notes });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            notes.Add(NotWritten(path, e.Message));
            return new WeightCacheOpening(new QuantizedStore(), new WeightLoadReport { Notes = notes });
        }
    }

    /// <summary>Finishes a new file.</summary>
    /// <returns>The report with what became of it.</returns>
    public WeightLoadReport Complete()
    {
        Store.Complete();
        return Store is WeightCacheWriter { Fault: string fault }
            ? Report with { WrittenTo = null, Notes = [.. Report.Notes, NotWritten(Report.WrittenTo!, fault)] }
            : Report;
    }

    private static string NotWritten(string path, string fault) =>
        $"{path} cannot be written: {fault.TrimEnd('.')}. Weights are quantised again at the next start; set cache-dir to a folder with room.";
}
