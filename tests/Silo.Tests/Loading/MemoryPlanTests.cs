using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Decoding;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Silo.Tests.Loading;

public sealed class MemoryPlanTests
{
    private const long GiB = 1L << 30;
    private const long MiB = 1L << 20;

    private static ModelLoadOptions Options(string name) =>
        new() { Folder = "f", Name = name, CacheFolder = "c", Weights = WeightFormat.Int8 };

    [Fact]
    public void Share_OneModel_PlansForItself()
    {
        ModelLoadOptions options = Options("a");

        Assert.Equal([options], MemoryPlan.Share([(options, ModelShapes.Get("4-9b"))], 32 * GiB, isLimit: true));
    }

    [Fact]
    public void Share_TwoModels_GetWhatWeightsAndReserveLeaveByShares()
    {
        ModelSizes[] sizes = Fit(64 * GiB, (Options("a") with { KvShare = 3 }, "4-9b"), (Options("b"), "4-9b"));

        long left = (64 * GiB) - (4 * GiB) - sizes.Sum(size => size.WeightBytes); // a sixteenth is kept in reserve
        Assert.InRange((left * 3 / 4) - sizes[0].KvBytes, 0, 8 * MiB);
        Assert.InRange((left / 4) - sizes[1].KvBytes, 0, 8 * MiB);
    }

    [Fact]
    public void Share_SmallModelBesideALargeOne_LeavesItWhatItCannotUse()
    {
        ModelSizes[] sizes = Fit(32 * GiB, (Options("small"), "nano"), (Options("large"), "4-9b"));

        long left = (32 * GiB) - (2 * GiB) - sizes.Sum(size => size.WeightBytes);
        Assert.Equal(32 * 4096 / 32, sizes[0].BlockCount); // its sequences cannot use more
        Assert.InRange(left - sizes[0].KvBytes - sizes[1].KvBytes, 0, 8 * MiB);
    }

    [Fact]
    public void Share_OneHasItsMemoryGiven_OthersGetTheRest()
    {
        ModelSizes[] sizes = Fit(32 * GiB, (Options("a") with { KvMemoryBytes = 2 * GiB }, "4-9b"), (Options("b"), "4-9b"));

        long left = (32 * GiB) - (2 * GiB) - sizes.Sum(size => size.WeightBytes);
        Assert.InRange((2 * GiB) - sizes[0].KvBytes, 0, 8 * MiB);
        Assert.InRange(left - (2 * GiB) - sizes[1].KvBytes, 0, 8 * MiB);
    }

    [Fact]
    public void Share_WeightsDoNotFitTogether_NamesEachWithItsSize()
    {
        var refused = Assert.Throws<ImpossibleSettingException>(() => Fit(14 * GiB, (Options("first"), "4-9b"), (Options("second"), "4-9b")));

        Assert.Matches("'first' [0-9,]+ MiB, 'second' [0-9,]+ MiB", refused.Message);
        Assert.Contains("14,336 MiB", refused.Message, StringComparison.Ordinal);
        Assert.Contains("serve fewer models", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fit_OthersLeaveNoRoomForTheWeights_NamesThemAndTheRemedy()
    {
        ModelLoadOptions options = Options("late") with { Others = [new MemoryClaim("early", 20 * GiB, 4 * GiB)] };

        var refused = Assert.Throws<ImpossibleSettingException>(() => ModelSizes.Fit(ModelShapes.Get("4-9b"), options, 32 * GiB));

        Assert.Contains("'late' needs ", refused.Message, StringComparison.Ordinal);
        Assert.Contains("of which other models have 24,576 MiB ('early')", refused.Message, StringComparison.Ordinal);
        Assert.Contains("unload another", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fit_OthersLeaveNoRoomForTheChosenCache_Refuses()
    {
        ModelLoadOptions options = Options("late") with { KvMemoryBytes = 8 * GiB, Others = [new MemoryClaim("early", 10 * GiB, 10 * GiB)] };

        var refused = Assert.Throws<ImpossibleSettingException>(() => ModelSizes.Fit(ModelShapes.Get("4-9b"), options, 32 * GiB));

        Assert.Contains("Lower kv-memory", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Parts never exceed what there is or what a model can use, and nothing is left over while somebody could use it.</summary>
    [Fact]
    public void Divide_RandomModels_GivesAllThereIsAndNobodyTooMuch()
    {
        var random = new Random(3);
        for (int round = 0; round < 2_000; round++)
        {
            (int Share, long Most)[] models = [.. Enumerable.Range(0, random.Next(1, 8)).Select(_ => (random.Next(1, 10), random.NextInt64(0, 1_000_000)))];
            long bytes = random.NextInt64(0, 3_000_000);

            long[] parts = MemoryPlan.Divide(bytes, models);

            Assert.All(parts.Zip(models), pair => Assert.InRange(pair.First, 0, pair.Second.Most));
            Assert.InRange(Math.Min(bytes, models.Sum(model => model.Most)) - parts.Sum(), 0, models.Length); // rounding
            double[] perShare = [.. parts.Zip(models).Where(pair => pair.First < pair.Second.Most).Select(pair => (double)pair.First / pair.Second.Share)];
            Assert.True(perShare.Length == 0 || perShare.Max() - perShare.Min() <= 8, "Those that got less than they can use got it by their shares.");
        }
    }

    private static ModelSizes[] Fit(long memoryBytes, params (ModelLoadOptions Options, string Shape)[] models)
    {
        IReadOnlyList<ModelLoadOptions> shared = MemoryPlan.Share(
            [.. models.Select(model => (model.Options, ModelShapes.Get(model.Shape)))], memoryBytes, isLimit: true);
        return [.. shared.Select((options, i) => ModelSizes.Fit(ModelShapes.Get(models[i].Shape), options, memoryBytes, isLimit: true))];
    }
}
