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
    public void Fit_MemoryShared_PlansAsOnAMachineOfThatSize()
    {
        ModelLoadOptions options = Options with { KvMemoryBytes = null, MaxSequences = 512 };

        ModelSizes shared = ModelSizes.Fit(ModelShapes.Get("4-9b"), options with { MemoryShares = 2 }, memoryBytes: 64 * GiB);

        Assert.Equal(ModelSizes.Fit(ModelShapes.Get("4-9b"), options, memoryBytes: 32 * GiB), shared);
        Assert.NotEqual(ModelSizes.Fit(ModelShapes.Get("4-9b"), options, memoryBytes: 64 * GiB), shared);
    }

    /// <summary>4-9b with f32 keys and values: 40 layers · 2 · 2 heads · 128 · 4 bytes = 81,920 bytes a token, so 1 GiB holds 409 blocks of 32.</summary>
    [Theory]
    [InlineData(KvFormat.F32, 409)]
    [InlineData(KvFormat.BF16, 819)]
    [InlineData(KvFormat.Int8, 1588)]
    public void Fit_ContextNotChosen_IsWhatTheCacheHolds(KvFormat format, int blocks)
    {
        ModelSizes sizes = ModelSizes.Fit(ModelShapes.Get("4-9b"), Options with { Kv = format }, memoryBytes: 64 * GiB);

        Assert.Equal(blocks, sizes.BlockCount);
        Assert.Equal(blocks * 32, sizes.ContextTokens);
    }

    [Theory]
    [InlineData(WeightFormat.F32, KvFormat.F32)]
    [InlineData(WeightFormat.Int8, KvFormat.BF16)]
    [InlineData(WeightFormat.Int4Block32, KvFormat.BF16)]
    public void Fit_KvFormatNotChosen_GoesWithTheWeights(WeightFormat weights, KvFormat expected)
    {
        ModelSizes sizes = ModelSizes.Fit(ModelShapes.Get("nano"), Options with { Weights = weights }, memoryBytes: 64 * GiB);

        Assert.Equal(expected, sizes.Kv);
    }

    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 1)]
    public void Fit_KvMemoryNotGiven_IsWhatWeightsAndReserveLeave(bool isLimit, int shares)
    {
        ModelLoadOptions options = Options with { KvMemoryBytes = null, Weights = WeightFormat.Int8 };

        ModelSizes sizes = ModelSizes.Fit(ModelShapes.Get("4-9b"), options, memoryBytes: 32 * GiB, isLimit);

        long left = (32 * GiB) - (2 * GiB) - sizes.WeightBytes; // a sixteenth is kept in reserve
        Assert.InRange(left - (shares * sizes.KvBytes), 0, 8 << 20);
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
