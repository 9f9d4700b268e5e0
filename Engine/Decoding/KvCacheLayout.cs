using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Engine.Kernels;

namespace GlmCluster.Engine.Decoding;

/// <summary>One tensor of the KV cache, shape [blocks, block tokens, heads, width].</summary>
/// <param name="Name">The graph's input.</param>
internal readonly record struct CacheTensor(string Name, int Layer, int Heads, int Width)
{
    /// <summary>Bytes of a block.</summary>
    public long BlockBytes(KvFormat format) => (long)AttentionShape.PageTokens * Heads * format.TokenBytes(Width);
}

/// <summary>What a decoder caches of every token: keys and values, or the latent rows that they come from.</summary>
internal static class KvCacheLayout
{
    public static string Keys(int layer) => $"key_cache.{layer}";

    public static string Values(int layer) => $"value_cache.{layer}";

    public static string Latents(int layer) => $"latent_cache.{layer}";

    public static IEnumerable<CacheTensor> Of(DecoderConfiguration configuration, LayerRange layers) =>
        Of(configuration).Where(cache => cache.Layer >= layers.First && cache.Layer < layers.End);

    public static IEnumerable<CacheTensor> Of(DecoderConfiguration configuration) =>
        Enumerable.Range(0, configuration.Layers).SelectMany<int, CacheTensor>(layer => configuration.Latent is { } latent
            ? [new(Latents(layer), layer, 1, latent.CachedWidth)]
            :
            [
                new(Keys(layer), layer, configuration.KvHeads, configuration.HeadDim),
                new(Values(layer), layer, configuration.KvHeads, configuration.HeadDim),
            ]);
}
