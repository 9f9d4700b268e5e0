using System.Collections.Immutable;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Families;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Tests.Weights;

public sealed class DecoderWeightsReaderTests
{
    private static readonly DecoderConfiguration Shape = ModelShapes.Get("nano", layers: 2);

    [Theory]
    [InlineData("chatglm", true, 1, 1)]
    [InlineData("chatglm", false, 1, 0)]
    [InlineData("glm", true, 3, 3)]
    [InlineData("glm", false, 3, 0)]
    [InlineData("glm4", true, 3, 3)]
    public void Read_WholeModel_HasTheFamilysParts(string modelType, bool bias, int parts, int biasParts)
    {
        DecoderConfiguration configuration = Shape with { Family = DecoderFamilies.All.Last(family => family.ModelType == modelType), QkvBias = bias };

        DecoderWeights weights = DecoderWeightsReader.Read(configuration, new StatedWeights(configuration));

        Assert.Equal(2, weights.Layers.Length);
        LayerTensors<TensorView> layer = weights.Layers[1];
        LinearTensors<TensorView> packed = Assert.IsType<GroupedAttentionTensors<TensorView>>(layer.Attention).QueryKeyValue;
        Assert.Equal((parts, biasParts), (packed.Weight.Length, packed.Bias.Length));
        Assert.Equal((4 + (2 * 2)) * 64, packed.Weight.Sum(part => part.Shape[0]));
        Assert.Equal(modelType == "glm4", layer is { AttentionOutputNorm: not null, FeedForwardOutputNorm: not null });
        Assert.Equal(layer.All().Count, layer.All().Select(tensor => tensor.Name).Distinct().Count());
        Assert.All(layer.All().Select(tensor => tensor.Name), name => Assert.Contains("layers.1.", name, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, true, "lm_head.weight")]
    [InlineData(true, false, "model.embed_tokens.weight")]
    [InlineData(false, true, "lm_head.weight")]
    public void Read_Head_PrefersTheStoredOne(bool tied, bool stored, string expected)
    {
        DecoderConfiguration configuration = Shape with { TiedHead = tied };
        using var source = new StatedWeights(configuration, missing: stored ? null : "lm_head.weight");
        Assert.Equal(expected, DecoderWeightsReader.Read(configuration, source).Head.Name);
    }

    [Fact]
    public void Read_EachTensorMissing_NamesIt()
    {
        foreach (string name in new StatedWeights(Shape).Names)
        {
            AssertRefused(new StatedWeights(Shape, missing: name), $"lack tensor \"{name}\"");
        }
    }

    [Fact]
    public void Read_EachTensorOfWrongShape_NamesItAndBothShapes()
    {
        foreach (string name in new StatedWeights(Shape).Names)
        {
            AssertRefused(new StatedWeights(Shape, transposed: name), $"\"{name}\" has shape [1, ", "asks for [");
        }
    }

    [Fact]
    public void Read_WholeNumbersWithoutScales_NamesTypeAndScales() =>
        AssertRefused(new StatedWeights(Shape, type: TensorType.I8), "has type I8", "no \"model.embed_tokens.weight_scale\"");

    [Fact]
    public void Read_OtherNumbers_NamesTheType() =>
        AssertRefused(new StatedWeights(Shape, type: TensorType.U8), "has type U8", "supported: F32, F16, BF16");

    private static void AssertRefused(StatedWeights source, params string[] parts)
    {
        string message = Assert.Throws<CheckpointException>(() => DecoderWeightsReader.Read(Shape, source)).Message;
        Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    /// <summary>Tensors with the right names and shapes and no memory, but for the faults asked for.</summary>
    private sealed class StatedWeights(
        DecoderConfiguration configuration, string? missing = null, string? transposed = null, TensorType type = TensorType.F32) : IWeightSource
    {
        private readonly Dictionary<string, ImmutableArray<long>> _shapes = DecoderLayout.For(configuration).Slots
            .Where(slot => slot.Name != missing)
            .ToDictionary(slot => slot.Name, slot => slot.Name == transposed ? [1, .. slot.Shape] : slot.Shape);

        public IReadOnlyCollection<string> Names => _shapes.Keys;

        public TensorView? Find(string name) =>
            _shapes.TryGetValue(name, out ImmutableArray<long> shape) ? new TensorView(name, type, shape, 0, 0) : null;

        public void Dispose()
        {
        }
    }
}
