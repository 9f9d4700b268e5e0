using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Families;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Tests.Weights;

public sealed class SyntheticWeightsTests
{
    private static readonly DecoderConfiguration Shape = ModelShapes.Get("nano", layers: 2);

    [Theory]
    [InlineData("chatglm")]
    [InlineData("glm")]
    [InlineData("glm4")]
    public void Find_EveryTensor_CanBeReadAndHasItsOwnMemory(string modelType)
    {
        DecoderConfiguration configuration = Shape with { Family = DecoderFamilies.All.Last(family => family.ModelType == modelType) };
        using var source = new SyntheticWeights(configuration, seed: 1);

        DecoderWeightsReader.Read(configuration, source);

        long end = 0;
        foreach (TensorView tensor in source.Names.Select(name => source.Find(name)!).OrderBy(tensor => tensor.Address))
        {
            Assert.True(tensor.Address >= end, $"{tensor.Name} overlaps the tensor before it");
            Assert.All(Values(tensor), value => Assert.True(float.IsFinite(value)));
            end = tensor.Address + (nint)tensor.ByteLength;
        }
    }

    [Fact]
    public void Find_SameSeed_GivesTheSameBits()
    {
        using var first = new SyntheticWeights(Shape, seed: 7);
        using var second = new SyntheticWeights(Shape, seed: 7);
        foreach (string name in first.Names)
        {
            Assert.Equal(Values(first.Find(name)!), Values(second.Find(name)!));
        }
    }

    [Fact]
    public void Find_KnownSeed_GivesTheseValues()
    {
        using var source = new SyntheticWeights(Shape, seed: 7);
        float[] values = Values(source.Find("model.layers.1.mlp.down_proj.weight")!);
        Assert.Equal([-0.0532226562f, 0.0539550781f, -0.0532226562f, -0.0202636719f], [values[0], values[1], values[100_000], values[^1]]);
    }

    [Fact]
    public void Find_OtherSeedOrTensor_GivesOtherValues()
    {
        using var first = new SyntheticWeights(Shape, seed: 7);
        using var second = new SyntheticWeights(Shape, seed: 8);
        float[] values = Values(first.Find("model.layers.0.self_attn.k_proj.weight")!);
        Assert.NotEqual(values, Values(second.Find("model.layers.0.self_attn.k_proj.weight")!));
        Assert.NotEqual(values, Values(first.Find("model.layers.0.self_attn.v_proj.weight")!));
    }

    [Fact]
    public void Find_Matrix_HasTheStatedSpread()
    {
        using var source = new SyntheticWeights(Shape, seed: 7);
        TensorView tensor = source.Find("lm_head.weight")!;
        float[] values = Values(tensor);

        double mean = values.Average(value => (double)value);
        double deviation = Math.Sqrt(values.Average(value => (double)value * value));

        // Over a million values the statistical error is below 0.2%; truncation to bf16 lowers the spread by about as much.
        Assert.Equal(1 / 16.0, deviation, 0.0005);
        Assert.Equal(0, mean, 0.0005);
        Assert.True(values.Distinct().Count() > 1000);
    }

    [Fact]
    public void Find_Norm_IsOne()
    {
        using var source = new SyntheticWeights(Shape, seed: 7);
        Assert.All(Values(source.Find("model.norm.weight")!), value => Assert.Equal(1, value));
    }

    [Fact]
    public void Find_UnknownOrDisposed_IsNullOrThrows()
    {
        var source = new SyntheticWeights(Shape, seed: 7);
        Assert.Null(source.Find("model.layers.2.input_layernorm.weight"));
        source.Dispose();
        source.Dispose();
        Assert.Throws<ObjectDisposedException>(() => source.Find("model.norm.weight"));
    }

    private static float[] Values(TensorView tensor)
    {
        float[] values = new float[tensor.ByteLength / sizeof(ushort)];
        TensorConverter.Read(tensor, 0, values);
        return values;
    }
}
