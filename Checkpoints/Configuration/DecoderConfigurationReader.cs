using GlmCluster.Checkpoints.Families;
using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Configuration;

/// <summary>Reads <c>config.json</c> of the decoder families; what cannot be run as stated is refused, never approximated.</summary>
public static class DecoderConfigurationReader
{
    internal const string FileName = "config.json";

    private const int MaximumBytes = 1 << 20;

    /// <summary>Reads the file in a model folder.</summary>
    /// <exception cref="CheckpointException">The file is missing, broken, or describes something that is not supported.</exception>
    public static DecoderConfiguration Read(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return ModelJson.ReadFile(Path.Combine(folder, FileName), MaximumBytes, Read);
    }

    /// <summary>Reads the file's text.</summary>
    /// <exception cref="CheckpointException">The text is broken, or describes something that is not supported.</exception>
    public static DecoderConfiguration Read(Stream json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return ModelJson.Read(json, FileName, MaximumBytes, Read);
    }

    private static DecoderConfiguration Read(JsonKeys keys)
    {
        if (keys.Has("vision_config"))
        {
            throw new CheckpointException($"{keys.File} has a \"vision_config\": vision models are not supported; use a text model.");
        }

        if (keys.Has("quantization_config"))
        {
            throw keys.Refuse("quantization_config", "no such key (quantized releases are not supported yet; use the f16 or bf16 release)");
        }

        return DecoderFamilies.Find(keys).ReadConfiguration(keys);
    }
}
