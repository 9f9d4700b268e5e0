using GlmCluster.Engine.Decoding.Stages;

namespace GlmCluster.Engine.Tests.Decoding.Stages;

public sealed class LayerRangeTests
{
    [Theory]
    [InlineData(6, 0, 1, "0+6")]
    [InlineData(6, 0, 2, "0+3 3+3")]
    [InlineData(28, 4, 2, "0+16 16+12")]
    [InlineData(4, 100, 2, "0+3 3+1")]
    [InlineData(3, 0, 3, "0+1 1+1 2+1")]
    public void Cut_EqualLayers_SharesLayersAndHeadOut(int layers, long headCost, int stages, string expected)
    {
        LayerRange[] ranges = LayerRange.Cut([.. Enumerable.Repeat(1L, layers)], headCost, stages);

        Assert.Equal(expected, string.Join(' ', ranges.Select(range => $"{range.First}+{range.Count}")));
    }

    [Fact]
    public void Cut_AnyCosts_CoversEveryLayerOnce()
    {
        var random = new Random(1);
        for (int i = 0; i < 500; i++)
        {
            long[] costs = [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.NextInt64(1, 100))];

            LayerRange[] ranges = LayerRange.Cut(costs, random.NextInt64(0, 300), random.Next(1, costs.Length + 1));

            Assert.Equal(Enumerable.Range(0, costs.Length), ranges.SelectMany(range => Enumerable.Range(range.First, range.Count)));
            Assert.All(ranges, range => Assert.True(range.Count >= 1));
        }
    }
}
