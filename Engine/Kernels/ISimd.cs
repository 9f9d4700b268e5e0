namespace GlmCluster.Engine.Kernels;

/// <summary>One width of float vectors, so that a kernel is written once. Implementations are empty structs that the compiler sees through.</summary>
/// <remarks>Every operation treats lanes alike; <see cref="Sum"/> adds them in an order that is fixed for the width.</remarks>
internal unsafe interface ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>Whether this machine computes this width well.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>Lanes.</summary>
    static abstract int Width { get; }

    static abstract TVector Load(float* source);

    /// <summary>As many signed bytes as there are lanes, as floats.</summary>
    static abstract TVector LoadBytes(sbyte* source);

    static abstract void Store(TVector value, float* target);

    static abstract TVector Broadcast(float value);

    /// <summary>0, 1, 2, … by lane.</summary>
    static abstract TVector Ramp { get; }

    static abstract TVector Add(TVector left, TVector right);

    static abstract TVector Subtract(TVector left, TVector right);

    static abstract TVector Multiply(TVector left, TVector right);

    static abstract TVector Divide(TVector left, TVector right);

    /// <summary>left · right + addend; rounded once where the machine has such an instruction.</summary>
    static abstract TVector MultiplyAdd(TVector left, TVector right, TVector addend);

    /// <summary>NaN if one is NaN.</summary>
    static abstract TVector Max(TVector left, TVector right);

    static abstract TVector Abs(TVector value);

    /// <summary>To the nearest whole number, ties to even.</summary>
    static abstract TVector Round(TVector value);

    /// <summary>2 to the power of whole numbers from -126 to 127.</summary>
    static abstract TVector PowerOfTwo(TVector exponent);

    /// <summary>By lane: left &lt; right ? whenBelow : otherwise.</summary>
    static abstract TVector SelectBelow(TVector left, TVector right, TVector whenBelow, TVector otherwise);

    static abstract float Sum(TVector value);

    /// <summary>Largest lane, NaN if one is NaN.</summary>
    static abstract float MaxLane(TVector value);

    /// <summary>Stores whole numbers from 0 to 255 as bytes.</summary>
    static abstract void StoreBytes(TVector value, byte* target);
}

/// <summary>The widths that kernels are compiled for, in bits.</summary>
internal enum SimdWidth
{
    /// <summary>Any machine; also ARM's vectors.</summary>
    Bits128 = 128,

    /// <summary>AVX2 with FMA.</summary>
    Bits256 = 256,

    /// <summary>AVX-512F and AVX-512BW.</summary>
    Bits512 = 512,
}

/// <summary>Chooses a width.</summary>
internal static class SimdWidths
{
    /// <summary>The widest that this machine has.</summary>
    public static SimdWidth Widest =>
        Simd512.IsSupported ? SimdWidth.Bits512 : Simd256.IsSupported ? SimdWidth.Bits256 : SimdWidth.Bits128;

    public static bool IsSupported(this SimdWidth width) => width switch
    {
        SimdWidth.Bits128 => Simd128.IsSupported,
        SimdWidth.Bits256 => Simd256.IsSupported,
        SimdWidth.Bits512 => Simd512.IsSupported,
        _ => false,
    };
}
