using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Files;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Families.ChatGlm;

/// <summary><c>chatglm</c>: the remote-code layout of ChatGLM2, ChatGLM3 and GLM-4-9B.</summary>
public sealed class ChatGlmFamily : DecoderFamily
{
    private ChatGlmFamily()
    {
    }

    public static DecoderFamily Instance { get; } = new ChatGlmFamily();

    public override string ModelType => "chatglm";

    public override string Models => "ChatGLM2, ChatGLM3, GLM-4-9B";

    internal override DecoderConfiguration ReadConfiguration(JsonKeys keys) => ChatGlmKeys.Read(keys, this);

    internal override DecoderLayout CreateLayout(DecoderConfiguration configuration) => ChatGlmLayout.Create(configuration);
}
