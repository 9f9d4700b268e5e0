using System.Collections.Immutable;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Tests.Decoding.Stages;

/// <summary>A decoder in stages gives the same bits as one that is not split.</summary>
public sealed class StagedRunnerTests
{
    private static ImmutableArray<DeviceName> TwoDevices => DeviceName.ParseList("cpu:0,cpu:1");

    [Theory]
    [InlineData("glm-nano", WeightFormat.F32, 2, 2)]
    [InlineData("glm-nano", WeightFormat.F32, 3, 4)]
    [InlineData("glm-nano", WeightFormat.F32, 6, 1)]
    [InlineData("glm-nano", WeightFormat.Int8, 2, 2)]
    [InlineData("glm-nano", WeightFormat.Int4Block32, 2, 2)]
    [InlineData("glm", WeightFormat.F32, 2, 2)]
    [InlineData("glm4", WeightFormat.Int8, 2, 2)]
    [InlineData("chatglm", WeightFormat.F32, 2, 1)]
    [InlineData("glm-edge", WeightFormat.F32, 2, 3)]
    [InlineData("glm4_moe", WeightFormat.F32, 2, 2)]
    [InlineData("glm4_moe_lite", WeightFormat.F32, 2, 2)]
    [InlineData("chatglm-v1", WeightFormat.F32, 2, 2)]
    public void Run_InStages_SameBits(string name, WeightFormat format, int stages, int threads)
    {
        string folder = name == "glm-nano" ? TestModel.NanoFolder : TestModel.GoldenFolder(name);
        using TestModel whole = TestModel.Load(folder, options => options with { WeightFormat = format });
        ImmutableArray<DeviceName> devices = [.. Enumerable.Range(0, stages).Select(index => new DeviceName(DeviceKind.Cpu, index))];
        using TestModel staged = TestModel.Load(folder, options => options with { WeightFormat = format, Devices = devices, Threads = threads });

        foreach (StepBatch batch in Steps(whole.Runner))
        {
            float[] expected = whole.Runner.Run(batch).ToArray();

            Assert.Equal(expected, staged.Runner.Run(batch).ToArray());
        }
    }

    [Fact]
    public void CopyBlock_InStages_CopiesInAllLayers()
    {
        using TestModel staged = TestModel.Load(TestModel.NanoFolder, options => options with { Devices = TwoDevices });
        long[] ids = TestPart.RandomIds(21, staged.Runner.VocabularySize, seed: 1);
        TestBatch.Run(staged.Runner, new TestPart(ids, [0], 0, 20));
        float[] expected = TestBatch.Run(staged.Runner, new TestPart(ids, [0], 20, 1))[0];

        staged.Runner.CopyBlock(0, 5);

        Assert.Equal(expected, TestBatch.Run(staged.Runner, new TestPart(ids, [5], 20, 1))[0]);
    }

    [Fact]
    public void Run_Warm_AllocatesNothing()
    {
        using TestModel staged = TestModel.Load(TestModel.NanoFolder, options => options with { Devices = TwoDevices, Threads = 2 });
        StepBatch[] batches = [.. Steps(staged.Runner)];
        RunAll(staged, batches, rounds: 20);

        long before = GC.GetAllocatedBytesForCurrentThread();
        RunAll(staged, batches, rounds: 5);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task Abort_DuringStep_StopsAllStagesAndLaterStepsRun()
    {
        using TestModel staged = TestModel.Load(TestModel.NanoFolder, options => options with { Devices = TwoDevices, Threads = 2 });
        StepBatch batch = Prefill(staged.Runner);
        float[] expected = staged.Runner.Run(batch).ToArray();
        using var stop = new CancellationTokenSource();
        Task aborter = Task.Run(() => AbortUntil(staged.Runner, stop.Token), CancellationToken.None);

        Assert.Throws<StepAbortedException>(() => RunAll(staged, [batch], rounds: 10_000));
        await stop.CancelAsync();
        await aborter;

        Assert.Equal(expected, staged.Runner.Run(batch).ToArray());
    }

    [Fact]
    public void Stages_TwoDevices_ShareLayersThreadsAndMemory()
    {
        using TestModel whole = TestModel.Load(TestModel.NanoFolder);
        using TestModel staged = TestModel.Load(TestModel.NanoFolder, options => options with { Devices = TwoDevices, Threads = 3 });

        StageShare all = Assert.Single(whole.Runner.Stages);
        Assert.Equal([2, 1], staged.Runner.Stages.Select(stage => stage.Threads));
        Assert.Equal(["cpu:0", "cpu:1"], staged.Runner.Stages.Select(stage => stage.Device.ToString()));
        Assert.Equal(all.Layers.Count, staged.Runner.Stages.Sum(stage => stage.Layers.Count));
        Assert.Equal((all.WeightBytes, all.KvBytes), (staged.Runner.Stages.Sum(stage => stage.WeightBytes), staged.Runner.Stages.Sum(stage => stage.KvBytes)));
    }

    [Fact]
    public void Load_MoreDevicesThanLayers_SaysSo()
    {
        DeviceException error = Assert.Throws<DeviceException>(() => TestModel.Load(
            TestModel.NanoFolder, options => options with { Devices = DeviceName.ParseList(string.Join(',', Enumerable.Repeat("cpu:0", 7))) }));

        Assert.Contains("7 devices are given and the model has 6 layers", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A long prompt, then decodes of many sequences beside chunks, some without wanted logits in a half.</summary>
    private static IEnumerable<StepBatch> Steps(IStepRunner runner)
    {
        yield return Prefill(runner);
        long[] ids = TestPart.RandomIds(300, runner.VocabularySize, seed: 2);
        TestPart chunk = new(ids, [.. Enumerable.Range(20, 10)], 0, 200);
        yield return TestBatch.Create(runner.BlockTokens, chunk);
        StepBatch lastRowOnly = TestBatch.Create(runner.BlockTokens, chunk with { Past = 200, Count = 90 });
        (lastRowOnly.LogitRows[0], lastRowOnly.LogitRowCount) = (89, 1);
        yield return lastRowOnly;
        StepBatch firstRowOnly = TestBatch.Create(runner.BlockTokens, chunk with { Past = 200, Count = 90 });
        firstRowOnly.LogitRowCount = 1;
        yield return firstRowOnly;
        yield return TestBatch.Create(runner.BlockTokens, [.. Enumerable.Range(0, 40).Select(i => new TestPart([i], [i], 0, 1))]);
        yield return TestBatch.Create(runner.BlockTokens, new TestPart([1, 2, 3], [3], 0, 3));
    }

    private static StepBatch Prefill(IStepRunner runner) => TestBatch.Create(
        runner.BlockTokens,
        TestPart.Whole(TestPart.RandomIds(100, runner.VocabularySize, seed: 1), [0, 1, 2, 3]),
        TestPart.Whole(TestPart.RandomIds(333, runner.VocabularySize, seed: 3), [.. Enumerable.Range(4, 11)]));

    private static void RunAll(TestModel model, StepBatch[] batches, int rounds)
    {
        for (int round = 0; round < rounds; round++)
        {
            foreach (StepBatch batch in batches)
            {
                model.Runner.Run(batch);
            }
        }
    }

    private static void AbortUntil(DecoderRunner runner, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            runner.Abort();
            Thread.Yield();
        }
    }
}
