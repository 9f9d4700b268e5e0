using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Files;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Families.Glm;

/// <summary><c>glm</c> and <c>glm4</c>, as Hugging Face transformers has them; <c>glm4</c> norms what attention and feed-forward give, too.</summary>
public sealed class GlmFamily : DecoderFamily
{
    private readonly bool _outputNorms;

    private GlmFamily(string modelType, string models, bool outputNorms) => (ModelType, Models, _outputNorms) = (modelType, models, outputNorms);

    public static DecoderFamily Glm { get; } = new GlmFamily("glm", "GLM-4-9B-hf, GLM-Edge", outputNorms: false);

    public static DecoderFamily Glm4 { get; } = new GlmFamily("glm4", "GLM-4-0414, GLM-Z1-0414", outputNorms: true);

    public override string ModelType { get; }

    public override string Models { get; }

    internal override DecoderConfiguration ReadConfiguration(JsonKeys keys) => GlmKeys.Read(keys, this);

    internal override DecoderLayout CreateLayout(DecoderConfiguration configuration) => GlmLayout.Create(configuration, _outputNorms);
}
