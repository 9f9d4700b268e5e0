using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Families;

/// <summary>Keys by which the releases of one ChatGLM differ: whole, quantised, or tuned with a prefix.</summary>
internal static class ChatGlmReleaseKeys
{
    /// <summary>Bits of a number in the layers' matrices: 0 (floats), 4 or 8.</summary>
    public static int QuantizationBits(JsonKeys keys)
    {
        int bits = keys.Has("quantization_bit") ? keys.Integer("quantization_bit", 0, 64) : 0;
        return bits is 0 or 4 or 8 ? bits : throw keys.Refuse("quantization_bit", "0, 4 or 8");
    }

    /// <summary>Refuses releases that this program cannot run.</summary>
    public static void RefuseOthers(JsonKeys keys)
    {
        if (keys.Flag("quantization_embeddings", absent: false))
        {
            throw keys.Refuse("quantization_embeddings", "false (the embedding must be stored as floats)");
        }

        if (keys.Has("pre_seq_len") && keys.Integer("pre_seq_len", 0, int.MaxValue) != 0)
        {
            throw keys.Refuse("pre_seq_len", "0 (P-tuning prefixes are not supported)");
        }
    }
}
