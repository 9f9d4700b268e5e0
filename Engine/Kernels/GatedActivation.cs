using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GlmCluster.Engine.Kernels;

/// <summary>silu(gate) ⊙ up of one row, in one vector width; silu(x) = x / (1 + e^-x).</summary>
internal abstract unsafe class GatedActivation
{
    public static GatedActivation Create(SimdWidth width) => width switch
    {
        SimdWidth.Bits512 => new GatedActivation<Simd512, Vector512<float>>(),
        SimdWidth.Bits256 => new GatedActivation<Simd256, Vector256<float>>(),
        _ => new GatedActivation<Simd128, Vector128<float>>(),
    };

    /// <param name="gateThenUp">Shape (2 · count,).</param>
    /// <param name="target">Shape (count,).</param>
    public abstract void Compute(float* gateThenUp, int count, float* target);
}

/// <inheritdoc/>
internal sealed unsafe class GatedActivation<TSimd, TVector> : GatedActivation
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Compute(float* gateThenUp, int count, float* target)
    {
        float* up = gateThenUp + count;
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TSimd.Store(Gate(TSimd.Load(gateThenUp + i), TSimd.Load(up + i)), target + i);
        }

        for (; i < count; i++)
        {
            target[i] = TSimd.MaxLane(Gate(TSimd.Broadcast(gateThenUp[i]), TSimd.Broadcast(up[i])));
        }
    }

    /// <summary>With e = e^-|x|, which cannot overflow: x / (1 + e) for x of 0 and more, else x · e / (1 + e).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Gate(TVector gate, TVector up)
    {
        TVector zero = TSimd.Broadcast(0);
        TVector power = Exponential<TSimd, TVector>.OfNonPositive(TSimd.Subtract(zero, TSimd.Abs(gate)));
        TVector dividend = TSimd.SelectBelow(gate, zero, TSimd.Multiply(gate, power), gate);
        return TSimd.Multiply(TSimd.Divide(dividend, TSimd.Add(TSimd.Broadcast(1), power)), up);
    }
}
