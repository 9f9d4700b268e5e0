using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.TestKit;

namespace GlmCluster.Checkpoints.Tests.Configuration;

public sealed class ModelShapesTests
{
    [Theory]
    [InlineData("nano", 0.0131)]
    [InlineData("edge-1.5b", 3.19)]
    [InlineData("4-9b", 18.8)]
    public void Get_EachShape_HasItsPublishedSize(string name, double gigabytesInBF16)
    {
        double bytes = DecoderLayout.For(ModelShapes.Get(name)).Slots
            .Sum(slot => 2.0 * slot.Shape.Aggregate((product, dimension) => product * dimension));
        Assert.Equal(1, bytes / (gigabytesInBF16 * 1e9), 0.005);
    }

    /// <summary>As their model cards call them: 106B and 30B.</summary>
    [Theory]
    [InlineData("4.5-air", 106, 107)]
    [InlineData("4.7-flash", 29.5, 30.5)]
    public void Get_ShapeWithExperts_HasItsPublishedBillionsOfParameters(string name, double least, double most) =>
        Assert.InRange(DecoderLayout.For(ModelShapes.Get(name)).Slots.Sum(slot => slot.Elements) / 1e9, least, most);

    [Fact]
    public void Get_Nano_IsTheBundledModel()
    {
        DecoderConfiguration bundled = DecoderConfigurationReader.Read(RepositoryFolder.Path("assets", "glm-nano"));
        DecoderConfiguration shape = ModelShapes.Get("nano");
        Assert.Equal(bundled.StopIds, shape.StopIds);
        Assert.Equal(bundled with { StopIds = [] }, shape with { StopIds = [] });
    }

    [Fact]
    public void Get_LayerCount_ReplacesTheModels()
    {
        Assert.Equal(3, ModelShapes.Get("4-9b", layers: 3).Layers);
        Assert.Equal(40, ModelShapes.Get("4-9b").Layers);
    }

    [Theory]
    [InlineData("5-9b", null)]
    [InlineData("4-9b", 0)]
    [InlineData("4-9b", 1001)]
    public void Get_ImpossibleRequest_Throws(string name, int? layers) =>
        Assert.ThrowsAny<ArgumentException>(() => ModelShapes.Get(name, layers));

    [Fact]
    public void Get_UnknownShape_ListsTheKnown() => Assert.Contains(
        "nano, edge-1.5b, 4-9b", Assert.Throws<ArgumentException>(() => ModelShapes.Get("x")).Message, StringComparison.Ordinal);
}
