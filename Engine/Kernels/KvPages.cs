using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.Kernels;

/// <summary>Layout of a KV format's pages: writes keys and values into them; <see cref="IPageNumbers{TVector}"/> reads them.</summary>
/// <remarks>
/// A page holds one head's keys [headDim, 32] or values [32, headDim] of a block, behind one scale per token where the format has scales. A token's
/// numbers in it depend on that token alone. Every vector width writes the same bytes. Stateless and thread-safe.
/// </remarks>
internal abstract unsafe class KvPages(AttentionShape shape)
{
    protected const int PageTokens = AttentionShape.PageTokens;

    protected int HeadDim { get; } = shape.HeadDim;

    /// <summary>Bytes of a page.</summary>
    public abstract int PageBytes { get; }

    /// <summary>Bytes of the 32 floats before a page's numbers that these are to be multiplied by, each token's by its own; 0: there are none.</summary>
    public virtual int ScaleBytes => 0;

    public static KvPages Create(KvFormat format, SimdWidth width, AttentionShape shape) => format switch
    {
        KvFormat.F32 => new FloatPages(shape),
        KvFormat.BF16 => new BFloat16Pages(shape),
        _ => new Int8Pages(shape, RowQuantizer.Create(width)),
    };

    /// <summary>Writes a token's key, shape (headDim,), into its slot of a page.</summary>
    public abstract void WriteKey(byte* page, int slot, float* key);

    /// <summary>Writes a token's value, shape (headDim,), into its slot of a page.</summary>
    public abstract void WriteValue(byte* page, int slot, float* value);
}
