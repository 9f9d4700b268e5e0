using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Decoding;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Silo.Tests.Loading;

public sealed class ModelSizesTests
{
    private const long GiB = 1L << 30;

    private static ModelLoadOptions Options => new() { Folder = "f", Name = "n", CacheFolder = "c", KvMemoryBytes = GiB };

    [Theory]
    [InlineData("nano", WeightFormat.F32)]
    [InlineData("4-9b", WeightFormat.Int8)]
    public void Fit_Auto_KeepsOnlySmallWeightsAsF32(string shape, WeightFormat expected)
    {
        ModelSizes sizes = ModelSizes.Fit(ModelShapes.Get(shape), Options, memoryBytes: 64 * GiB);

        Assert.Equal(expected, sizes.Weights);
    }

    [Fact]
    public void Fit_Int4_LessMemoryThanInt8()
    {
        long Bytes(WeightFormat format) => ModelSizes.Fit(ModelShapes.Get("4-9b"), Options with { Weights = format }, memoryBytes: 64 * GiB).WeightBytes;

        Assert.InRange(Bytes(WeightFormat.Int4Block32), 0.62 * Bytes(WeightFormat.Int8), 0.63 * Bytes(WeightFormat.Int8));
        Assert.InRange(Bytes(WeightFormat.Int4Block128), 0.53 * Bytes(WeightFormat.Int8), 0.54 * Bytes(WeightFormat.Int8));
    }

    [Fact]
    public void Fit_ContextNotChosen_IsWhatTheCacheHolds()
    {
        // 4-9b: 40 layers · 2 · 2 heads · 128 · 4 bytes = 81,920 bytes a token, so 1 GiB holds 13,107 tokens: 409 blocks of 32.
        ModelSizes sizes = ModelSizes.Fit(ModelShapes.Get("4-9b"), Options with { Kv = KvFormat.F32 }, memoryBytes: 64 * GiB);

        Assert.Equal(409, sizes.BlockCount);
        Assert.Equal(409 * 32, sizes.ContextTokens);
    }

    [Fact]
    public void Fit_SmallModel_TakesNoMoreThanItsSequencesCanUse()
    {
        ModelSizes sizes = ModelSizes.Fit(ModelShapes.Get("nano"), Options with { MaxSequences = 2 }, memoryBytes: 64 * GiB);

        Assert.Equal(2 * 4096 / 32, sizes.BlockCount);
        Assert.Equal(4096, sizes.ContextTokens);
    }

    [Fact]
    public void Fit_ContextSmallerThanABlock_IsServed()
    {
        ModelSizes sizes = ModelSizes.Fit(ModelShapes.Get("nano"), Options with { MaxContext = 16, MaxSequences = 2 }, memoryBytes: 64 * GiB);

        Assert.Equal(16, sizes.ContextTokens);
        Assert.Equal(2, sizes.BlockCount);
    }

    [Fact]
    public void Fit_ChosenContextBeyondTheModels_NamesTheSetting() =>
        AssertRefused("max-context is 5000", Options with { MaxContext = 5000 });

    [Fact]
    public void Fit_CacheTooSmallForTheChosenContext_NamesTheSetting() =>
        AssertRefused("kv-memory is", Options with { MaxContext = 4096, KvMemoryBytes = 1 << 20 });

    [Fact]
    public void Fit_StepSmallerThanTheBatch_NamesTheSetting() =>
        AssertRefused("step-tokens is 8", Options with { StepTokens = 8, MaxSequences = 9 });

    [Fact]
    public void Fit_WeightsLargerThanMemory_SaysSo() =>
        AssertRefused("this process may use 10 MiB", Options with { Weights = WeightFormat.F32 }, memoryBytes: 10 << 20);

    private static void AssertRefused(string expected, ModelLoadOptions options, long memoryBytes = 64 * GiB)
    {
        var refused = Assert.Throws<ImpossibleSettingException>(() => ModelSizes.Fit(ModelShapes.Get("nano"), options, memoryBytes));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
    }
}
