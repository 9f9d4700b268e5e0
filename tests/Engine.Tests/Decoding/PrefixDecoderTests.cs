using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Tests.Decoding;

/// <summary>ChatGLM-6B: a prompt's tokens see all of it, so it goes in whole; the rest is as of other models.</summary>
public sealed class PrefixDecoderTests
{
    private const int Start = 124;
    private const int GMask = 121;
    private const int Mask = 120;

    [Theory]
    [InlineData(WeightFormat.F32)]
    [InlineData(WeightFormat.Int8)]
    public void Run_NeighboursChunksBlocksAndThreads_SameBits(WeightFormat format)
    {
        string folder = TestModel.GoldenFolder("chatglm-v1");
        using TestModel one = TestModel.Load(folder, options => options with { WeightFormat = format });
        using TestModel two = TestModel.Load(folder, options => options with { WeightFormat = format, Threads = 2 });
        Prompt prompt = Prompt.Create(prefix: 70, answer: 60, seed: 1);
        float[] alone = Run(one, prompt, [0, 1, 2, 3, 4], chunks: [131]);

        Assert.Equal(alone, Run(two, prompt, [9, 7, 1, 30, 4], chunks: [131]));
        Assert.Equal(alone, Run(one, prompt, [4, 3, 2, 1, 0], chunks: [71, 1, 1, 9, 49]));
        Assert.Equal(alone, Run(two, prompt, [0, 1, 2, 3, 4], chunks: [80, 51], Prompt.Create(prefix: 33, answer: 5, seed: 2)));
        Assert.Equal(alone, Run(one, prompt, [0, 1, 2, 3, 4], chunks: [71, 60], Prompt.Create(prefix: 200, answer: 90, seed: 3)));
    }

    [Fact]
    public void Run_LaterPromptToken_ChangesEarlierRows()
    {
        using TestModel model = TestModel.Load(TestModel.GoldenFolder("chatglm-v1"));
        Prompt prompt = Prompt.Create(prefix: 40, answer: 1, seed: 1);
        Prompt other = prompt with { Ids = [.. prompt.Ids[..38], (prompt.Ids[38] + 1) % 100, .. prompt.Ids[39..]] };

        float[] first = Run(model, prompt, [0, 1], chunks: [42])[..model.Runner.VocabularySize];

        Assert.NotEqual(first, Run(model, other, [0, 1], chunks: [42])[..model.Runner.VocabularySize]);
    }

    [Fact]
    public void Run_DividedPrefix_IsRefused()
    {
        using TestModel model = TestModel.Load(TestModel.GoldenFolder("chatglm-v1"));
        Assert.Contains(
            "divides a prefix",
            Assert.Throws<ArgumentException>(() => Run(model, Prompt.Create(prefix: 40, answer: 1, seed: 1), [0, 1], chunks: [39])).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new[] { 1, 2, GMask, Start }, 3, 2)]
    [InlineData(new[] { 1, Mask, 2, Start, 5, 6 }, 3, 1)]
    [InlineData(new[] { Mask, GMask, Start, Start }, 2, 1)]
    public void PrefixOf_Prompt_EndsAtTheStartAndHasTheMasksPlace(int[] ids, int tokens, int mask)
    {
        using TestModel model = TestModel.Load(TestModel.GoldenFolder("chatglm-v1"));
        Assert.Equal(new PromptPrefix(tokens, mask), model.Runner.PrefixOf(ids));
    }

    [Theory]
    [InlineData(new[] { 1, 2, 3 })]
    [InlineData(new[] { 1, GMask, 3 })]
    [InlineData(new[] { 1, 2, Start })]
    public void PrefixOf_PromptWithoutStartOrMask_SaysWhatIsMissing(int[] ids)
    {
        using TestModel model = TestModel.Load(TestModel.GoldenFolder("chatglm-v1"));
        string message = Assert.Throws<ArgumentException>(() => model.Runner.PrefixOf(ids)).Message;
        Assert.Contains("124", message, StringComparison.Ordinal);
        Assert.Contains("chat template", message, StringComparison.Ordinal);
    }

    /// <returns>Logits of all tokens of <paramref name="prompt"/>.</returns>
    private static float[] Run(TestModel model, Prompt prompt, int[] blocks, int[] chunks, Prompt? neighbour = null)
    {
        List<float> logits = [];
        int past = 0;
        foreach (int count in chunks)
        {
            TestPart own = new(prompt.Ids, blocks, past, count);
            StepBatch batch = neighbour is null
                ? TestBatch.Create(model.Runner.BlockTokens, own)
                : TestBatch.Create(model.Runner.BlockTokens, TestPart.Whole(neighbour.Ids, [.. Enumerable.Range(40, 10)]), own);
            int index = batch.SequenceCount - 1;
            if (neighbour is not null)
            {
                (batch.PrefixLengths[0], batch.MaskPositions[0]) = (neighbour.Prefix, neighbour.Prefix - 1);
            }

            (batch.PrefixLengths[index], batch.MaskPositions[index]) = (prompt.Prefix, prompt.Prefix - 1);
            ReadOnlySpan<float> all = model.Runner.Run(batch);
            logits.AddRange(all[(batch.CumulativeLengths[index] * model.Runner.VocabularySize)..]);
            past += count;
        }

        return [.. logits];
    }

    /// <param name="Ids">Prefix that ends in [gMASK], the start, and an answer.</param>
    private sealed record Prompt(long[] Ids, int Prefix)
    {
        public static Prompt Create(int prefix, int answer, int seed)
        {
            long[] text = TestPart.RandomIds(prefix - 1 + answer, vocabulary: 119, seed);
            return new Prompt([.. text[..(prefix - 1)], GMask, Start, .. text[(prefix - 1)..]], prefix);
        }
    }
}
