using GlmCluster.Engine.Decoding;
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

        string name = NumericsProbe.Run(one.Runner, stepTokens: 512, "glm");

        Assert.Matches("^fp_[0-9a-f]{16}$", name);
        Assert.Equal(name, NumericsProbe.Run(one.Runner, stepTokens: 1, "glm"));
        Assert.Equal(name, NumericsProbe.Run(two.Runner, stepTokens: 512, "glm"));
    }

    [Fact]
    public void Run_OtherWeightsFormatsOrModels_NamesThemApart()
    {
        using TestModel model = Load("glm");
        using TestModel quantised = Load("glm", WeightFormat.Int8);
        using TestModel other = Load("glm-edge");

        string[] names =
        [
            NumericsProbe.Run(model.Runner, 512, "same"),
            NumericsProbe.Run(quantised.Runner, 512, "same"),
            NumericsProbe.Run(other.Runner, 512, "same"),
            NumericsProbe.Run(model.Runner, 512, "another"),
        ];

        Assert.Distinct(names);
    }

    private static TestModel Load(string name, WeightFormat weights = WeightFormat.F32, int threads = 1) =>
        TestModel.Load(TestModel.GoldenFolder(name), options => options with { WeightFormat = weights, Threads = threads });
}
