using System.Diagnostics.CodeAnalysis;

namespace GlmCluster.Engine.Decoding;

/// <summary>How keys and values are kept in the KV cache. They are always read back from it, so results do not depend on what was cached.</summary>
public enum KvFormat
{
    /// <summary>32-bit floats: the reference.</summary>
    F32,

    /// <summary>The upper half of 32-bit floats, rounded to nearest: half the memory, three digits.</summary>
    BF16,

    /// <summary>8-bit integers with a scale per token and head: about a quarter of the memory.</summary>
    [SuppressMessage("Naming", "CA1720", Justification = "The word that users write in the setting.")]
    Int8,
}
