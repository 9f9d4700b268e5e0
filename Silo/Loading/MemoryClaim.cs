namespace GlmCluster.Silo.Loading;

/// <summary>What a model takes of the memory that all models of a process share.</summary>
/// <param name="Model">Its name.</param>
/// <param name="WeightBytes">Memory of its weights, about.</param>
/// <param name="KvBytes">Memory of its KV cache when full.</param>
public sealed record MemoryClaim(string Model, long WeightBytes, long KvBytes)
{
    public long Bytes => WeightBytes + KvBytes;
}
