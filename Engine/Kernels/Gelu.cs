using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GlmCluster.Engine.Kernels;

/// <summary>gelu(x) = x · Φ(x), with Φ the normal distribution's, of one row, in one vector width.</summary>
internal abstract unsafe class Gelu
{
    public static Gelu Create(SimdWidth width) => width switch
    {
        SimdWidth.Bits512 => new Gelu<Simd512, Vector512<float>>(),
        SimdWidth.Bits256 => new Gelu<Simd256, Vector256<float>>(),
        _ => new Gelu<Simd128, Vector128<float>>(),
    };

    /// <param name="source">Shape (count,).</param>
    /// <param name="target">Shape (count,); may be the source.</param>
    public abstract void Compute(float* source, int count, float* target);
}

/// <inheritdoc/>
/// <remarks>
/// gelu(x) = max(x, 0) - |x|/2 · erfc(|x|/√2), which loses no digits where x is negative. erfc after Abramowitz and Stegun, Handbook of
/// Mathematical Functions, 7.1.26: absolute error at most 1.5e-7, so gelu's is at most 1.1e-7 · |x|.
/// </remarks>
internal sealed unsafe class Gelu<TSimd, TVector> : Gelu
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    private const float HalfRoot = 0.70710678f; // 1/√2

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Compute(float* source, int count, float* target)
    {
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TSimd.Store(Of(TSimd.Load(source + i)), target + i);
        }

        for (; i < count; i++)
        {
            target[i] = TSimd.MaxLane(Of(TSimd.Broadcast(source[i])));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Of(TVector x)
    {
        TVector zero = TSimd.Broadcast(0);
        TVector one = TSimd.Broadcast(1);
        TVector size = TSimd.Abs(x);
        TVector z = TSimd.Multiply(size, TSimd.Broadcast(HalfRoot));
        TVector t = TSimd.Divide(one, TSimd.MultiplyAdd(TSimd.Broadcast(0.3275911f), z, one));
        TVector p = TSimd.Broadcast(1.061405429f);
        p = TSimd.MultiplyAdd(p, t, TSimd.Broadcast(-1.453152027f));
        p = TSimd.MultiplyAdd(p, t, TSimd.Broadcast(1.421413741f));
        p = TSimd.MultiplyAdd(p, t, TSimd.Broadcast(-0.284496736f));
        p = TSimd.MultiplyAdd(p, t, TSimd.Broadcast(0.254829592f));
        TVector power = Exponential<TSimd, TVector>.OfNonPositive(TSimd.Subtract(zero, TSimd.Multiply(z, z)));
        TVector tail = TSimd.Multiply(TSimd.Multiply(p, t), power); // erfc(z)
        TVector half = TSimd.Multiply(size, TSimd.Broadcast(0.5f));
        return TSimd.Subtract(TSimd.Max(x, zero), TSimd.Multiply(half, tail));
    }
}
