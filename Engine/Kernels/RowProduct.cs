using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GlmCluster.Engine.Kernels;

/// <summary>Products of token rows and four weight rows, in one vector width. Stateless.</summary>
/// <remarks>Every product has one vector of sums, filled in rising order of columns, whatever is computed beside it.</remarks>
internal abstract unsafe class RowProduct
{
    /// <summary>Weight rows taken together.</summary>
    public const int WeightRows = 4;

    public static RowProduct Create(SimdWidth width) => width switch
    {
        SimdWidth.Bits512 => new RowProduct<Simd512, Vector512<float>>(),
        SimdWidth.Bits256 => new RowProduct<Simd256, Vector256<float>>(),
        _ => new RowProduct<Simd128, Vector128<float>>(),
    };

    /// <param name="weights">Four rows.</param>
    /// <param name="sums">Receives four products.</param>
    public abstract void Multiply(float** weights, float* row, int columns, float* sums);

    /// <summary>The same of rows of signed bytes: the bits that <see cref="Multiply"/> gives for the same numbers as floats.</summary>
    /// <param name="weights">Four rows.</param>
    /// <param name="sums">Receives four products.</param>
    public abstract void MultiplyBytes(sbyte** weights, float* row, int columns, float* sums);

    /// <param name="weights">Four rows.</param>
    /// <param name="sums">Receives four products of the first row, then four of the second.</param>
    public abstract void MultiplyTwo(float** weights, float* first, float* second, int columns, float* sums);
}

/// <inheritdoc/>
internal sealed unsafe class RowProduct<TSimd, TVector> : RowProduct
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Multiply(float** weights, float* row, int columns, float* sums)
    {
        float* w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3];
        TVector a0 = TSimd.Broadcast(0), a1 = a0, a2 = a0, a3 = a0;
        int column = 0;
        for (; column <= columns - TSimd.Width; column += TSimd.Width)
        {
            TVector x = TSimd.Load(row + column);
            a0 = TSimd.MultiplyAdd(x, TSimd.Load(w0 + column), a0);
            a1 = TSimd.MultiplyAdd(x, TSimd.Load(w1 + column), a1);
            a2 = TSimd.MultiplyAdd(x, TSimd.Load(w2 + column), a2);
            a3 = TSimd.MultiplyAdd(x, TSimd.Load(w3 + column), a3);
        }

        Finish(weights, row, column, columns, a0, a1, a2, a3, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void MultiplyBytes(sbyte** weights, float* row, int columns, float* sums)
    {
        sbyte* w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3];
        TVector a0 = TSimd.Broadcast(0), a1 = a0, a2 = a0, a3 = a0;
        int column = 0;
        for (; column <= columns - TSimd.Width; column += TSimd.Width)
        {
            TVector x = TSimd.Load(row + column);
            a0 = TSimd.MultiplyAdd(x, TSimd.LoadBytes(w0 + column), a0);
            a1 = TSimd.MultiplyAdd(x, TSimd.LoadBytes(w1 + column), a1);
            a2 = TSimd.MultiplyAdd(x, TSimd.LoadBytes(w2 + column), a2);
            a3 = TSimd.MultiplyAdd(x, TSimd.LoadBytes(w3 + column), a3);
        }

        (sums[0], sums[1], sums[2], sums[3]) = (TSimd.Sum(a0), TSimd.Sum(a1), TSimd.Sum(a2), TSimd.Sum(a3));
        for (; column < columns; column++)
        {
            for (int i = 0; i < WeightRows; i++)
            {
                sums[i] += row[column] * weights[i][column];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void MultiplyTwo(float** weights, float* first, float* second, int columns, float* sums)
    {
        float* w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3];
        TVector a0 = TSimd.Broadcast(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        int column = 0;
        for (; column <= columns - TSimd.Width; column += TSimd.Width)
        {
            TVector x = TSimd.Load(first + column);
            TVector y = TSimd.Load(second + column);
            TVector w = TSimd.Load(w0 + column);
            a0 = TSimd.MultiplyAdd(x, w, a0);
            b0 = TSimd.MultiplyAdd(y, w, b0);
            w = TSimd.Load(w1 + column);
            a1 = TSimd.MultiplyAdd(x, w, a1);
            b1 = TSimd.MultiplyAdd(y, w, b1);
            w = TSimd.Load(w2 + column);
            a2 = TSimd.MultiplyAdd(x, w, a2);
            b2 = TSimd.MultiplyAdd(y, w, b2);
            w = TSimd.Load(w3 + column);
            a3 = TSimd.MultiplyAdd(x, w, a3);
            b3 = TSimd.MultiplyAdd(y, w, b3);
        }

        Finish(weights, first, column, columns, a0, a1, a2, a3, sums);
        Finish(weights, second, column, columns, b0, b1, b2, b3, sums + WeightRows);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(
        float** weights, float* row, int column, int columns, TVector a0, TVector a1, TVector a2, TVector a3, float* sums)
    {
        (sums[0], sums[1], sums[2], sums[3]) = (TSimd.Sum(a0), TSimd.Sum(a1), TSimd.Sum(a2), TSimd.Sum(a3));
        for (; column < columns; column++)
        {
            for (int i = 0; i < WeightRows; i++)
            {
                sums[i] += row[column] * weights[i][column];
            }
        }
    }
}
