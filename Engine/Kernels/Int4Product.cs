using System.Runtime.Intrinsics;

namespace GlmCluster.Engine.Kernels;

/// <summary>Products of quantised rows and 4-bit weights, in one vector width.</summary>
/// <remarks>
/// y = Σ over blocks of (Σ byte · number) · (scale of the block · scale of the weights), blocks in order, each added with one rounding where the
/// machine can. The inner sum is exact. So a result's bits depend on its own row alone: neither on how many rows there are nor on the width.
/// Stateless and thread-safe.
/// </remarks>
internal abstract unsafe class Int4Product
{
    public static Int4Product Create(SimdWidth width, Int4Layout layout) => width switch
    {
        SimdWidth.Bits512 => new Int4Product<Simd512, Vector512<float>>(layout),
        SimdWidth.Bits256 => new Int4Product<Simd256, Vector256<float>>(layout),
        _ => new Int4Product<Simd128, Vector128<float>>(layout),
    };

    /// <summary>Quantises one row.</summary>
    /// <param name="source">Shape (columns,).</param>
    /// <param name="rows">Where the row goes.</param>
    /// <param name="row">Its number there.</param>
    public abstract void Quantize(float* source, in Int4Rows rows, int row);

    /// <summary>Multiplies all rows by one tile of weights.</summary>
    /// <param name="weights">The tile.</param>
    /// <param name="bias">Shape (32,), or null.</param>
    /// <param name="output">Row 0's first output of the tile.</param>
    /// <param name="stride">Floats from one row's outputs to the next row's.</param>
    /// <param name="outputs">Outputs of the tile that exist, at most 32.</param>
    public abstract void Multiply(in Int4Rows rows, int count, byte* weights, float* bias, float* output, long stride, int outputs);
}
