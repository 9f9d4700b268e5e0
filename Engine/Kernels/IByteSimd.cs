namespace GlmCluster.Engine.Kernels;

/// <summary>Whole numbers in the vectors of <see cref="ISimd{TVector}"/>: a vector's memory seen as bytes or 16-bit numbers.</summary>
/// <remarks>All of it is exact, so every width gives the same numbers.</remarks>
internal unsafe interface IByteSimd<TVector>
    where TVector : unmanaged
{
    /// <summary>Loads four bytes per lane.</summary>
    static abstract TVector LoadBytes(byte* source);

    /// <summary>Signed bytes, one per lane, as floats.</summary>
    static abstract TVector WidenBytes(sbyte* source);

    /// <summary>bf16 numbers, one per lane.</summary>
    static abstract TVector WidenBFloat16(ushort* source);

    /// <summary>The low nibble of every byte.</summary>
    static abstract TVector LowNibbles(TVector bytes);

    /// <summary>The high nibble of every byte.</summary>
    static abstract TVector HighNibbles(TVector bytes);

    /// <summary>Puts the same 32 bits into every lane.</summary>
    static abstract TVector BroadcastBits(int bits);

    /// <summary>Products of unsigned and signed bytes, added in pairs of neighbours to 16-bit numbers, which must be able to hold them.</summary>
    static abstract TVector MultiplyPairs(TVector unsignedBytes, TVector signedBytes);

    /// <summary>Adds 16-bit numbers.</summary>
    static abstract TVector AddShorts(TVector left, TVector right);

    /// <summary>The sum of a lane's two 16-bit numbers, as a float.</summary>
    static abstract TVector SumPairs(TVector shorts);
}
