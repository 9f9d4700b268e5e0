using System.Runtime.Intrinsics;
using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.Kernels;

/// <summary>Writes keys and values into pages of a KV format, and reads pages as floats.</summary>
/// <remarks>
/// A page holds one head's keys [headDim, 32] or values [32, headDim] of a block. A token's numbers in it depend on that token alone. Reading
/// is the same in every vector width. Stateless and thread-safe.
/// </remarks>
internal abstract unsafe class KvPages(AttentionShape shape)
{
    protected const int PageTokens = AttentionShape.PageTokens;

    protected int HeadDim { get; } = shape.HeadDim;

    /// <summary>Bytes of a page.</summary>
    public abstract int PageBytes { get; }

    public static KvPages Create(KvFormat format, SimdWidth width, AttentionShape shape) => (format, width) switch
    {
        (KvFormat.F32, _) => new FloatPages(shape),
        (KvFormat.BF16, SimdWidth.Bits512) => new BFloat16Pages<Simd512, Vector512<float>>(shape),
        (KvFormat.BF16, SimdWidth.Bits256) => new BFloat16Pages<Simd256, Vector256<float>>(shape),
        (KvFormat.BF16, _) => new BFloat16Pages<Simd128, Vector128<float>>(shape),
        (KvFormat.Int8, SimdWidth.Bits512) => new Int8Pages<Simd512, Vector512<float>>(shape),
        (KvFormat.Int8, SimdWidth.Bits256) => new Int8Pages<Simd256, Vector256<float>>(shape),
        _ => new Int8Pages<Simd128, Vector128<float>>(shape),
    };

    /// <summary>Writes a token's key, shape (headDim,), into its slot of a page.</summary>
    public abstract void WriteKey(byte* page, int slot, float* key);

    /// <summary>Writes a token's value, shape (headDim,), into its slot of a page.</summary>
    public abstract void WriteValue(byte* page, int slot, float* value);

    /// <summary>Reads a page of keys. Slots that were never written read as anything.</summary>
    /// <param name="scratch">Room for a page of floats.</param>
    /// <returns>Shape (headDim, 32).</returns>
    public abstract float* ReadKeys(byte* page, float* scratch);

    /// <summary>Reads a page of values. Slots that were never written read as anything.</summary>
    /// <param name="scratch">Room for a page of floats.</param>
    /// <returns>Shape (32, headDim).</returns>
    public abstract float* ReadValues(byte* page, float* scratch);
}
