using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Weights;

/// <summary>Which shard holds which tensor.</summary>
internal sealed class WeightIndex
{
    private const int MaximumBytes = 64 << 20;
    private const int MaximumShards = 4096;

    private WeightIndex(Dictionary<string, string> shardOfTensor, IReadOnlyList<string> shardNames)
    {
        ShardOfTensor = shardOfTensor;
        ShardNames = shardNames;
    }

    public IReadOnlyDictionary<string, string> ShardOfTensor { get; }

    /// <summary>File names without folders, each once, sorted.</summary>
    public IReadOnlyList<string> ShardNames { get; }

    /// <param name="extension">What shards' names end in.</param>
    /// <exception cref="CheckpointException">The file is broken, or names a file outside its folder.</exception>
    public static WeightIndex Read(string path, string extension) => ModelJson.ReadFile(path, MaximumBytes, keys => Read(keys, extension));

    private static WeightIndex Read(JsonKeys keys, string extension)
    {
        JsonKeys map = keys.Object("weight_map") ?? throw keys.Refuse("weight_map", "an object from tensor names to file names");
        var shardOfTensor = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string tensor, string shard) in map.TextEntries())
        {
            if (!IsPlainFileName(shard, extension))
            {
                throw map.Refuse(tensor, $"the name of a {extension} file in the same folder");
            }

            shardOfTensor[tensor] = shard;
        }

        string[] shardNames = [.. shardOfTensor.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return shardNames.Length <= MaximumShards
            ? new WeightIndex(shardOfTensor, shardNames)
            : throw new CheckpointException($"{keys.File} names {shardNames.Length:N0} shards; supported: up to {MaximumShards:N0}.");
    }

    /// <summary>The same characters on every system, so that a folder is good or bad wherever it is copied to.</summary>
    private static bool IsPlainFileName(string name, string extension) =>
        name.EndsWith(extension, StringComparison.Ordinal) && !name.Any(c => c is '/' or '\\' or ':' || char.IsControl(c));
}
