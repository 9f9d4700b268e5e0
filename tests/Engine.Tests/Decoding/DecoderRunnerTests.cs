using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Tests.Decoding;

public sealed class DecoderRunnerTests
{
    [Theory]
    [InlineData("glm", WeightFormat.F32, KvFormat.F32)]
    [InlineData("glm", WeightFormat.Int8, KvFormat.BF16)]
    [InlineData("glm", WeightFormat.Int4Block32, KvFormat.Int8)]
    [InlineData("glm4_moe", WeightFormat.Int4Block32, KvFormat.F32)]
    [InlineData("glm4_moe_lite", WeightFormat.Int8, KvFormat.BF16)]
    [InlineData("chatglm-v1", WeightFormat.F32, KvFormat.F32)]
    public void Run_WarmStepsOfChangingShape_AllocateNothing(string name, WeightFormat weights, KvFormat kv)
    {
        using TestModel model = TestModel.Load(
            TestModel.GoldenFolder(name), options => options with { WeightFormat = weights, KvFormat = kv });
        long[] ids = TestPart.RandomIds(40, model.Runner.VocabularySize, seed: 1);
        StepBatch[] batches =
        [
            TestBatch.Create(32, new TestPart(ids, [0, 1], 0, 33)),
            TestBatch.Create(32, new TestPart(ids, [0, 1], 33, 1)),
            TestBatch.Create(32, new TestPart(ids, [0, 1], 34, 1), new TestPart(ids, [2], 0, 1)),
        ];
        RunAll(model, batches, rounds: 3);

        // The runtime allocates now and then itself, as when it compiles a method anew; what steps allocate is there every time.
        long least = Enumerable.Range(0, 4).Min(_ => BytesOf(() => RunAll(model, batches, rounds: 20)));

        Assert.Equal(0, least);
    }

    private static long BytesOf(Action action)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    [Fact]
    public void Run_NoLogitRows_ReturnsNothingButFillsCache()
    {
        using TestModel model = TestModel.Load(TestModel.GoldenFolder("glm"));
        long[] ids = TestPart.RandomIds(21, model.Runner.VocabularySize, seed: 1);
        float[] expected = TestBatch.Run(model.Runner, TestPart.Whole(ids, [0]))[0][^model.Runner.VocabularySize..];
        StepBatch silent = TestBatch.Create(32, new TestPart(ids, [1], 0, 20));
        silent.LogitRowCount = 0;

        Assert.True(model.Runner.Run(silent).IsEmpty);
        Assert.Equal(expected, TestBatch.Run(model.Runner, new TestPart(ids, [1], 20, 1))[0]);
    }

    [Fact]
    public void Run_SomeLogitRows_ReturnsThoseInOrder()
    {
        using TestModel model = TestModel.Load(TestModel.GoldenFolder("glm"));
        int vocabulary = model.Runner.VocabularySize;
        long[] ids = TestPart.RandomIds(30, vocabulary, seed: 1);
        float[] all = TestBatch.Run(model.Runner, TestPart.Whole(ids, [0]))[0];
        StepBatch batch = TestBatch.Create(32, TestPart.Whole(ids, [0]));
        (batch.LogitRows[0], batch.LogitRows[1], batch.LogitRowCount) = (29, 4, 2);

        float[] some = model.Runner.Run(batch).ToArray();

        Assert.Equal([.. all[(29 * vocabulary)..], .. all[(4 * vocabulary)..(5 * vocabulary)]], some);
    }

    [Fact]
    public async Task Abort_DuringStep_StopsItAndLaterStepsRun()
    {
        using TestModel model = TestModel.Load(TestModel.NanoFolder);
        long[] ids = TestPart.RandomIds(512, model.Runner.VocabularySize, seed: 1);
        int[] blocks = [.. Enumerable.Range(0, 16)];
        StepBatch batch = TestBatch.Create(32, TestPart.Whole(ids, blocks));
        float[] expected = model.Runner.Run(batch).ToArray();
        using var stop = new CancellationTokenSource();
        Task aborter = Task.Run(() => AbortUntil(model.Runner, stop.Token), CancellationToken.None);

        Assert.Throws<StepAbortedException>(() => RunMany(model.Runner, batch));
        await stop.CancelAsync();
        await aborter;

        Assert.Equal(expected, model.Runner.Run(batch).ToArray());
    }

    [Fact]
    public void Abort_NoStepRuns_NextStepRuns()
    {
        using TestModel model = TestModel.Load(TestModel.GoldenFolder("glm"));

        model.Runner.Abort();

        Assert.Single(TestBatch.Run(model.Runner, new TestPart([1, 2, 3], [0], 0, 3)));
    }

    [Fact]
    public void Run_TwoModelsInTurn_DoNotDisturbEachOther()
    {
        using TestModel glm = TestModel.Load(TestModel.GoldenFolder("glm"));
        using TestModel glm4 = TestModel.Load(TestModel.GoldenFolder("glm4"));
        TestPart first = new([1, 2, 3, 4], [0], 0, 3);
        TestPart second = first with { Past = 3, Count = 1 };
        TestBatch.Run(glm.Runner, first);
        float[] expected = TestBatch.Run(glm.Runner, second)[0];

        TestBatch.Run(glm.Runner, first);
        TestBatch.Run(glm4.Runner, first);

        Assert.Equal(expected, TestBatch.Run(glm.Runner, second)[0]);
    }

    [Fact]
    public void Load_Progress_EndsAtTotal()
    {
        string folder = TestModel.GoldenFolder("glm4");
        DecoderConfiguration configuration = DecoderConfigurationReader.Read(folder);
        using WeightFolder weights = WeightFolder.Open(folder);
        var progress = new RecordingProgress();
        var options = new DecoderRunnerOptions { Threads = 1, BlockCount = 1, MaxStepTokens = 1, MaxSequences = 1, ContextTokens = 32 };

        DecoderRunner.Load(OnnxRuntimeLibrary.Load(), configuration, DecoderWeightsReader.Read(configuration, weights), options, progress, CancellationToken.None).Dispose();

        Assert.Equal(progress.Reports[^1].Total, progress.Reports[^1].Done);
        Assert.Equal(progress.Reports.Select(report => report.Done).Order(), progress.Reports.Select(report => report.Done));
    }

    [Fact]
    public void Load_CudaWithoutProvider_SaysWhatIsMissing()
    {
        string folder = Path.GetDirectoryName(OnnxRuntimeLibrary.Load().Path)!;
        Assert.SkipWhen(Directory.EnumerateFiles(folder, "*providers_cuda*").Any(), "This ONNX Runtime has a CUDA provider.");

        DeviceException error = Assert.Throws<DeviceException>(() => TestModel.Load(
            TestModel.GoldenFolder("glm"), options => options with { Devices = [new DeviceName(DeviceKind.Cuda, 0)] }));

        Assert.Contains("cuda:0 cannot be had", error.Message, StringComparison.Ordinal);
        Assert.Contains("WithOnnxRuntimeGpu=true", error.Message, StringComparison.Ordinal);
    }

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

    private static void RunMany(DecoderRunner runner, StepBatch batch)
    {
        for (int i = 0; i < 10_000; i++)
        {
            runner.Run(batch);
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

    private sealed class RecordingProgress : IProgress<LoadProgress>
    {
        public List<LoadProgress> Reports { get; } = [];

        public void Report(LoadProgress value) => Reports.Add(value);
    }
}
