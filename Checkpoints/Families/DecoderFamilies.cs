using System.Collections.Immutable;
using GlmCluster.Checkpoints.Families.ChatGlm;
using GlmCluster.Checkpoints.Families.ChatGlm1;
using GlmCluster.Checkpoints.Families.Glm;
using GlmCluster.Checkpoints.Families.Glm4Moe;
using GlmCluster.Checkpoints.Families.Glm4MoeLite;
using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Families;

/// <summary>The one list of supported decoder families.</summary>
public static class DecoderFamilies
{
    /// <summary>Where families share a model type, the first that owns the file reads it.</summary>
    public static ImmutableArray<DecoderFamily> All { get; } =
        [ChatGlm1Family.Instance, ChatGlmFamily.Instance, GlmFamily.Glm, GlmFamily.Glm4, Glm4MoeFamily.Instance, Glm4MoeLiteFamily.Instance];

    /// <exception cref="CheckpointException">No family has this model type; names it and what is supported.</exception>
    internal static DecoderFamily Find(JsonKeys keys)
    {
        string? modelType = keys.Text("model_type");
        return All.FirstOrDefault(family => family.ModelType == modelType && family.Owns(keys))
            ?? throw keys.Refuse("model_type", string.Join(", ", All.Select(family => $"\"{family.ModelType}\" ({family.Models})")));
    }
}
