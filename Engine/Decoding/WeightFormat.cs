using System.Diagnostics.CodeAnalysis;

namespace GlmCluster.Engine.Decoding;

/// <summary>How matrices are kept in memory.</summary>
public enum WeightFormat
{
    /// <summary>32-bit floats: the reference.</summary>
    F32,

    /// <summary>8-bit integers with a scale per row: a quarter of the memory.</summary>
    [SuppressMessage("Naming", "CA1720", Justification = "The word that users write in the setting.")]
    Int8,

    /// <summary>4-bit integers with a scale per 32 columns of a row: 5 bits a weight.</summary>
    Int4Block32,

    /// <summary>4-bit integers with a scale per 128 columns of a row: 4.25 bits a weight.</summary>
    Int4Block128,
}
