using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.WeightCache;

namespace GlmCluster.Engine.Tests.WeightCache;

public sealed class WeightCachePlanTests
{
    [Fact]
    public void For_Model_BesideItFirstThenTheCacheFolder()
    {
        var plan = WeightCachePlan.For("/models/glm-4", "/cache", "hash", WeightFormat.Int4Block128);

        Assert.Equal(Path.Combine("/models/glm-4", "glm.int4-128.weights"), plan.ReadPaths[0]);
        Assert.Equal(plan.WritePath, plan.ReadPaths[1]);
        Assert.StartsWith(Path.Combine("/cache", "weights", "glm-4-"), plan.WritePath, StringComparison.Ordinal);
    }

    [Fact]
    public void For_SameNameElsewhere_OtherFile() => Assert.NotEqual(
        WeightCachePlan.For("/a/glm-4", "/cache", "hash", WeightFormat.Int8).WritePath,
        WeightCachePlan.For("/b/glm-4", "/cache", "hash", WeightFormat.Int8).WritePath);

    [Fact]
    public void For_SlashAtTheEnd_SameFile() => Assert.Equal(
        WeightCachePlan.For("/a/glm-4", "/cache", "hash", WeightFormat.Int8).WritePath,
        WeightCachePlan.For("/a/glm-4/", "/cache", "other hash", WeightFormat.Int8).WritePath);
}
