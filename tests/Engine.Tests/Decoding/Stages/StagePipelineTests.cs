using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Tests.Decoding.Stages;

public sealed class StagePipelineTests
{
    private const int Stages = 3;

    private readonly Lock _lock = new(); // guards _runs
    private readonly List<(int Stage, int Half)> _runs = [];

    [Theory]
    [InlineData(1, 1)]
    [InlineData((2 * HalfBatches.SmallestHalf) - 1, 1)]
    [InlineData(2 * HalfBatches.SmallestHalf, 2)]
    public void Run_ManySteps_EveryStageTakesTheHalvesInOrder(int tokens, int halves)
    {
        const int Steps = 200;
        using StagePipeline pipeline = Create((_, _) => { });

        for (int step = 0; step < Steps; step++)
        {
            pipeline.Run(Batch(tokens));
        }

        for (int stage = 0; stage < Stages; stage++)
        {
            Assert.Equal(
                Enumerable.Range(0, Steps * halves).Select(i => i % halves),
                _runs.Where(run => run.Stage == stage).Select(run => run.Half));
        }
    }

    [Fact]
    public void Run_TwoHalves_AStageWorksWhileTheNextHasTheFirstHalf()
    {
        using var firstHalfArrived = new ManualResetEventSlim();
        using var secondHalfStarted = new ManualResetEventSlim();
        using StagePipeline pipeline = Create((stage, half) =>
        {
            if ((stage, half) == (0, 1))
            {
                firstHalfArrived.Wait(TestContext.Current.CancellationToken);
                secondHalfStarted.Set();
            }
            else if ((stage, half) == (1, 0))
            {
                firstHalfArrived.Set();
                secondHalfStarted.Wait(TestContext.Current.CancellationToken); // hangs where stages wait for each other
            }
        });

        pipeline.Run(Batch(64));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    public void Run_AStageFails_ThrowsItAndTheNextStepRuns(int faultyStage, int faultyHalf)
    {
        bool isFaulty = true;
        using StagePipeline pipeline = Create((stage, half) =>
        {
            if (isFaulty && (stage, half) == (faultyStage, faultyHalf))
            {
                throw new InvalidOperationException("broken stage");
            }
        });

        InvalidOperationException fault = Assert.Throws<InvalidOperationException>(() => pipeline.Run(Batch(64)));
        isFaulty = false;
        _runs.Clear();
        pipeline.Run(Batch(64));

        Assert.Equal("broken stage", fault.Message);
        Assert.Equal(Stages * 2, _runs.Count);
    }

    [Fact]
    public void Run_Warm_NoStagesThreadAllocates()
    {
        const int Warm = 50;
        const int Steps = 100;
        long[] before = new long[Stages];
        long[] after = new long[Stages];
        using var pipeline = new StagePipeline(Stages, new HalfBatches(Options, blocksPerSequence: 32, cutsSequences: true), (stage, _, _, _) =>
        {
            before[stage] = before[stage] == 0 ? GC.GetAllocatedBytesForCurrentThread() : before[stage];
            after[stage] = GC.GetAllocatedBytesForCurrentThread();
        });
        StepBatch batch = Batch(64);
        Array.ForEach(new int[Warm], _ => pipeline.Run(batch));
        Array.Clear(before);

        for (int step = 0; step < Steps; step++)
        {
            pipeline.Run(batch);
        }

        Assert.Equal(before, after);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Split_RandomSteps_HalvesHaveEveryTokenAndRowOnce(bool cutsSequences)
    {
        var random = new Random(7);
        var halves = new HalfBatches(Options, blocksPerSequence: 32, cutsSequences);
        for (int i = 0; i < 300; i++)
        {
            TestPart[] parts = [.. Enumerable.Range(0, random.Next(1, 9)).Select(sequence => RandomPart(random, sequence))];
            StepBatch batch = TestBatch.Create(32, parts);
            batch.LogitRowCount = 0;
            for (int row = 0; row < batch.TokenCount; row += random.Next(1, 20))
            {
                batch.LogitRows[batch.LogitRowCount++] = row;
            }

            halves.Split(batch);

            Assert.Equal(Tokens(batch).ToList(), Enumerable.Range(0, halves.Count).SelectMany(half => Tokens(halves[half])));
            Assert.True(cutsSequences || parts.Length == Enumerable.Range(0, halves.Count).Sum(half => halves[half].SequenceCount));
            Assert.Equal(batch.LogitRowCount, Enumerable.Range(0, halves.Count).Sum(half => halves[half].LogitRowCount));
            Assert.Equal(halves.Count == 2 ? halves[0].LogitRowCount : 0, halves.FirstLogitRow(halves.Count - 1));
        }
    }

    private static DecoderRunnerOptions Options => new() { Threads = 1, BlockCount = 64, MaxStepTokens = 1024, MaxSequences = 8, ContextTokens = 1024 };

    private static TestPart RandomPart(Random random, int sequence)
    {
        int past = random.Next(2) * random.Next(100);
        int count = random.Next(3) == 0 ? random.Next(1, 90) : 1;
        return new TestPart(TestPart.RandomIds(past + count, 1000, sequence), [sequence, 10 + sequence, 20 + sequence, 30 + sequence, 40 + sequence, 50 + sequence], past, count);
    }

    /// <summary>What the model computes: each token's id, position, first block, and whether its logits are wanted.</summary>
    private static IEnumerable<(long Id, int Position, int Block, bool IsWanted)> Tokens(StepBatch batch)
    {
        HashSet<long> wanted = [.. batch.LogitRows.Take(batch.LogitRowCount)];
        for (int sequence = 0; sequence < batch.SequenceCount; sequence++)
        {
            for (int row = batch.CumulativeLengths[sequence]; row < batch.CumulativeLengths[sequence + 1]; row++)
            {
                int position = batch.PastLengths[sequence] + row - batch.CumulativeLengths[sequence];
                yield return (batch.TokenIds[row], position, batch.BlockTable[sequence * batch.TableWidth], wanted.Contains(row));
            }
        }
    }

    private static StepBatch Batch(int tokens) => TestBatch.Create(32, TestPart.Whole(TestPart.RandomIds(tokens, 1000, seed: 1), [0, 1, 2]));

    private StagePipeline Create(Action<int, int> act) => new(Stages, new HalfBatches(Options, blocksPerSequence: 32, cutsSequences: true), (stage, half, _, _) =>
    {
        lock (_lock)
        {
            _runs.Add((stage, half));
        }

        act(stage, half);
    });
}
