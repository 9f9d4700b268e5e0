using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Stepping;
using GlmCluster.Engine.Tests.Decoding;
using GlmCluster.Engine.Verification;

namespace GlmCluster.Engine.Tests.Verification;

public sealed class NumericsProbeTests
{
    [Fact]
    public void Run_OneModel_NamesItAlikeHoweverItIsRun()
    {
        using TestModel one = Load("glm");
        using TestModel two = Load("glm", threads: 2);

        string name = NumericsProbe.Run(one.Runner, stepTokens: 512, prefix: null, "glm");

        Assert.Matches("^fp_[0-9a-f]{16}$", name);
        Assert.Equal(name, NumericsProbe.Run(one.Runner, stepTokens: 1, prefix: null, "glm"));
        Assert.Equal(name, NumericsProbe.Run(two.Runner, stepTokens: 512, prefix: null, "glm"));
    }

    [Fact]
    public void Run_OtherWeightsFormatsOrModels_NamesThemApart()
    {
        using TestModel model = Load("glm");
        using TestModel quantised = Load("glm", WeightFormat.Int8);
        using TestModel other = Load("glm-edge");

        string[] names =
        [
            NumericsProbe.Run(model.Runner, 512, prefix: null, "same"),
            NumericsProbe.Run(quantised.Runner, 512, prefix: null, "same"),
            NumericsProbe.Run(other.Runner, 512, prefix: null, "same"),
            NumericsProbe.Run(model.Runner, 512, prefix: null, "another"),
        ];

        Assert.Distinct(names);
    }

    [Fact]
    public void Run_ModelWithPrefixes_DividesThePrompt()
    {
        using TestModel one = Load("chatglm-v1");
        using TestModel two = Load("chatglm-v1", threads: 2);
        PrefixConfiguration prefix = one.Configuration.Prefix!;
        using var recorder = new PrefixRecorder(two.Runner);

        string name = NumericsProbe.Run(one.Runner, stepTokens: 512, prefix, "same");

        Assert.Equal(name, NumericsProbe.Run(recorder, stepTokens: 4, prefix, "same"));
        Assert.Equal([3, 3, 3], recorder.Lengths);
    }

    private static TestModel Load(string name, WeightFormat weights = WeightFormat.F32, int threads = 1) =>
        TestModel.Load(TestModel.GoldenFolder(name), options => options with { WeightFormat = weights, Threads = threads });

    /// <summary>Remembers each step's prefix.</summary>
    private sealed class PrefixRecorder(IStepRunner runner) : IStepRunner
    {
        public List<int> Lengths { get; } = [];

        public int VocabularySize => runner.VocabularySize;

        public int BlockTokens => runner.BlockTokens;

        public int BlockCount => runner.BlockCount;

        public ReadOnlySpan<float> Run(StepBatch batch)
        {
            Lengths.Add(batch.PrefixLengths[0]);
            return runner.Run(batch);
        }

        public void CopyBlock(int source, int target) => runner.CopyBlock(source, target);

        public void Abort() => runner.Abort();

        public void Dispose()
        {
        }
    }
}
