using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Files;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Families;

/// <summary>
/// A published line of decoders: how its <c>config.json</c> is spelled and what its tensors are called. What it computes is said by the
/// configuration and by which tensors the layout has, so that the engine knows parts, not families.
/// </summary>
/// <remarks>One folder beside this file per family. Stateless and thread-safe.</remarks>
public abstract class DecoderFamily
{
    /// <summary><c>model_type</c> in <c>config.json</c>; several families may share one.</summary>
    public abstract string ModelType { get; }

    /// <summary>Names of published models, for messages.</summary>
    public abstract string Models { get; }

    /// <summary>Tells families apart that share a <see cref="ModelType"/>.</summary>
    internal virtual bool Owns(JsonKeys keys) => true;

    /// <summary>Reads the file; what cannot be run as stated is refused, never approximated.</summary>
    /// <exception cref="CheckpointException">A key is missing, out of range or not supported; names it.</exception>
    internal abstract DecoderConfiguration ReadConfiguration(JsonKeys keys);

    /// <summary>Names and shapes of the tensors that a configuration asks for.</summary>
    internal abstract DecoderLayout CreateLayout(DecoderConfiguration configuration);
}
