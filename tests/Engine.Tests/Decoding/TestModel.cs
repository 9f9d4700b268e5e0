using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Onnx;
using GlmCluster.TestKit;

namespace GlmCluster.Engine.Tests.Decoding;

/// <summary>A model folder of the checkout, loaded.</summary>
internal sealed class TestModel : IDisposable
{
    public const int StepTokens = 512;

    private readonly WeightFolder _weights;

    private TestModel(string folder, Func<DecoderRunnerOptions, DecoderRunnerOptions> change, CancellationToken cancellationToken)
    {
        Configuration = DecoderConfigurationReader.Read(folder);
        _weights = WeightFolder.Open(folder);
        Options = change(new DecoderRunnerOptions
        {
            Threads = 1,
            BlockCount = 64,
            MaxStepTokens = StepTokens,
            MaxSequences = 64,
            ContextTokens = 1024,
        });
        DecoderWeights weights = DecoderWeightsReader.Read(Configuration, _weights);
        Runner = DecoderRunner.Load(OnnxRuntimeLibrary.Load(), Configuration, weights, Options, progress: null, cancellationToken);
    }

    public static string NanoFolder => RepositoryFolder.Path("assets", "glm-nano");

    public DecoderConfiguration Configuration { get; }

    public DecoderRunnerOptions Options { get; }

    public DecoderRunner Runner { get; }

    public static string GoldenFolder(string name) => RepositoryFolder.Path("tests", "data", "golden", name);

    public static TestModel Load(string folder, Func<DecoderRunnerOptions, DecoderRunnerOptions>? change = null) =>
        Load(folder, change ?? (options => options), CancellationToken.None);

    public static TestModel Load(
        string folder, Func<DecoderRunnerOptions, DecoderRunnerOptions> change, CancellationToken cancellationToken) =>
        new(folder, change, cancellationToken);

    public void Dispose()
    {
        Runner.Dispose();
        _weights.Dispose();
    }
}
