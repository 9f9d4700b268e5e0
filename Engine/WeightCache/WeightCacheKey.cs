using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.WeightCache;

/// <summary>What a file of quantised weights is made of: another checkpoint or format makes other weights.</summary>
/// <param name="ContentHash">Of the model folder, 64 lower-case hex digits.</param>
/// <param name="Format">Not <see cref="WeightFormat.F32"/>.</param>
public sealed record WeightCacheKey(string ContentHash, WeightFormat Format);
