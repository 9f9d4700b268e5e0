using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.Tests.Decoding;

/// <summary>
/// A sequence's logits have the same bits whatever else is in its steps, however it is cut, wherever it lies and on however many threads.
/// </summary>
public sealed class DeterminismTests
{
    private const int Tokens = 200;

    [Theory]
    [InlineData("glm-nano", WeightFormat.F32, KvFormat.F32)]
    [InlineData("glm-nano", WeightFormat.F32, KvFormat.BF16)]
    [InlineData("glm-nano", WeightFormat.Int8, KvFormat.BF16)]
    [InlineData("glm-nano", WeightFormat.Int8, KvFormat.Int8)]
    [InlineData("glm-nano", WeightFormat.Int4Block32, KvFormat.BF16)]
    [InlineData("glm-nano", WeightFormat.Int4Block128, KvFormat.Int8)]
    [InlineData("glm-edge", WeightFormat.F32, KvFormat.Int8)]
    [InlineData("glm4", WeightFormat.F32, KvFormat.F32)]
    [InlineData("glm4", WeightFormat.Int8, KvFormat.BF16)]
    [InlineData("glm4_moe", WeightFormat.F32, KvFormat.F32)]
    [InlineData("glm4_moe", WeightFormat.Int8, KvFormat.BF16)]
    [InlineData("glm4_moe", WeightFormat.Int4Block32, KvFormat.Int8)]
    [InlineData("glm4_moe-air", WeightFormat.F32, KvFormat.BF16)]
    [InlineData("glm4_moe_lite", WeightFormat.F32, KvFormat.F32)]
    [InlineData("glm4_moe_lite", WeightFormat.Int8, KvFormat.BF16)]
    [InlineData("glm4_moe_lite", WeightFormat.Int4Block32, KvFormat.Int8)]
    public void Run_ChunksNeighboursBlocksAndThreads_SameBits(string name, WeightFormat format, KvFormat kvFormat)
    {
        string folder = name == "glm-nano" ? TestModel.NanoFolder : TestModel.GoldenFolder(name);
        using TestModel one = TestModel.Load(folder, options => options with { WeightFormat = format, KvFormat = kvFormat });
        using TestModel two = TestModel.Load(folder, options => options with { WeightFormat = format, KvFormat = kvFormat, Threads = 2 });
        int vocabulary = one.Runner.VocabularySize;
        long[] ids = TestPart.RandomIds(Tokens, vocabulary, seed: 1);
        int[] blocks = [0, 1, 2, 3, 4, 5, 6];

        float[] alone = TestBatch.Run(one.Runner, TestPart.Whole(ids, blocks))[0];

        Assert.Equal(alone, TestBatch.Run(two.Runner, TestPart.Whole(ids, blocks))[0]);
        for (int seed = 0; seed < 3; seed++)
        {
            Assert.Equal(alone, RunInPieces(seed % 2 == 0 ? one : two, ids, seed));
        }
    }

    [Theory]
    [InlineData(WeightFormat.F32)]
    [InlineData(WeightFormat.Int8)]
    [InlineData(WeightFormat.Int4Block32)]
    [InlineData(WeightFormat.Int4Block128)]
    public void Run_StepSizesUpToBudget_SameBits(WeightFormat format)
    {
        using TestModel model = TestModel.Load(TestModel.NanoFolder, options => options with { WeightFormat = format });
        int vocabulary = model.Runner.VocabularySize;
        long[] ids = TestPart.RandomIds(5, vocabulary, seed: 1);
        float[] alone = TestBatch.Run(model.Runner, TestPart.Whole(ids, [0]))[0];

        foreach (int others in new[] { 1, 2, 3, 7, 11, 12, 27, 59, 60, 123, 251, 256, 378, 507 })
        {
            long[] otherIds = TestPart.RandomIds(others, vocabulary, seed: others);
            int[] otherBlocks = [.. Enumerable.Range(2, 20)];
            float[][] before = TestBatch.Run(model.Runner, TestPart.Whole(otherIds, otherBlocks), TestPart.Whole(ids, [1]));
            float[][] after = TestBatch.Run(model.Runner, TestPart.Whole(ids, [1]), TestPart.Whole(otherIds, otherBlocks));

            Assert.Equal(alone, before[1]);
            Assert.Equal(alone, after[0]);
            Assert.Equal(before[0], after[1]);
        }
    }

    /// <summary>The sequence in random chunks and blocks, each step beside tokens of two other sequences.</summary>
    private static float[] RunInPieces(TestModel model, long[] ids, int seed)
    {
        var random = new Random(seed);
        int[] blocks = [.. Enumerable.Range(0, model.Options.BlockCount)];
        random.Shuffle(blocks);
        long[] otherIds = TestPart.RandomIds(800, model.Runner.VocabularySize, seed + 100);
        List<float> logits = [];
        int otherPast = 0;
        for (int past = 0; past < ids.Length;)
        {
            int count = Math.Min(ids.Length - past, random.Next(3) == 0 ? 1 : random.Next(1, 90));
            int otherCount = Math.Min(otherIds.Length - otherPast, random.Next(1, 40));
            var part = new TestPart(ids, blocks[..7], past, count);
            var other = new TestPart(otherIds, blocks[7..32], otherPast, otherCount);
            var third = new TestPart(otherIds, blocks[32..58], otherPast, otherCount);
            logits.AddRange(TestBatch.Run(model.Runner, other, part, third)[1]);
            past += count;
            otherPast += otherCount;
        }

        return [.. logits];
    }
}
