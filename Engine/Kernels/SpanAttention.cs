using System.Runtime.Intrinsics;
using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.Kernels;

/// <summary>Attention of a tile of query rows over a span of positions: the arithmetic, in one vector width.</summary>
/// <remarks>
/// A row's bits depend only on its own query, its own visible keys and values and the fixed division of positions into pages and
/// spans: each row keeps its own running maximum and sums, adds visible tokens in order of position, and touches no other token.
/// Stateless and thread-safe.
/// </remarks>
internal abstract unsafe class SpanAttention
{
    /// <summary>Rows that the inner loops take together; tiles are padded to a multiple, in memory that may hold anything.</summary>
    public const int RowStep = 4;

    /// <param name="pages">Of the format.</param>
    public static SpanAttention Create(SimdWidth width, AttentionShape shape, KvFormat format, KvPages pages) => width switch
    {
        SimdWidth.Bits512 => Create<Simd512, Vector512<float>>(shape, format, pages),
        SimdWidth.Bits256 => Create<Simd256, Vector256<float>>(shape, format, pages),
        _ => Create<Simd128, Vector128<float>>(shape, format, pages),
    };

    /// <summary>Attends to the pages from <paramref name="firstPage"/> up to, not including, <paramref name="endPage"/>.</summary>
    public abstract void Attend(in QueryTile tile, int firstPage, int endPage, in SpanResult result);

    /// <summary>Adds a later span to the earlier ones. Rows that saw nothing of it stay as they are, to the bit.</summary>
    public abstract void Merge(in SpanResult total, in SpanResult span, int rows);

    /// <summary>Divides by the sum of weights: one output row.</summary>
    public abstract void Finish(float* values, float weight, float* output);

    private static SpanAttention Create<TSimd, TVector>(AttentionShape shape, KvFormat format, KvPages pages)
        where TSimd : struct, ISimd<TVector>, IByteSimd<TVector>
        where TVector : unmanaged => format switch
        {
            KvFormat.F32 => new SpanAttention<TSimd, TVector, FloatNumbers<TSimd, TVector>>(shape, pages),
            KvFormat.BF16 => new SpanAttention<TSimd, TVector, BFloat16Numbers<TSimd, TVector>>(shape, pages),
            _ => new SpanAttention<TSimd, TVector, Int8Numbers<TSimd, TVector>>(shape, pages),
        };
}

/// <summary>Query rows that see the same pages: some tokens of one sequence times the heads that share a key head.</summary>
internal unsafe struct QueryTile
{
    /// <summary>Shape (rows, headDim), rotated and scaled; row = token · group + head of the group.</summary>
    public float* Queries;

    /// <summary>This key head's page in block 0.</summary>
    public byte* KeyPages;

    /// <inheritdoc cref="KeyPages"/>
    public byte* ValuePages;

    /// <summary>Room for two pages of floats that no other thread uses.</summary>
    public float* Scratch;

    /// <summary>First positions of the sequence that all rows see, later ones too; 0: none.</summary>
    public int Prefix;

    /// <summary>Physical blocks of the sequence.</summary>
    public int* Blocks;

    public int Rows;

    /// <summary>Position of the first row's token.</summary>
    public int FirstPosition;
}

/// <summary>Softmax in progress: per row the largest score, the sum of the weights and the weighted sum of the values.</summary>
internal readonly unsafe struct SpanResult(float* memory, int paddedRows)
{
    /// <summary>Shape (rows,).</summary>
    public float* Maxima => memory;

    /// <summary>Shape (rows,).</summary>
    public float* Weights => memory + paddedRows;

    /// <summary>Shape (rows, valueDim).</summary>
    public float* Values => memory + (2 * paddedRows);

    /// <summary>Floats of a result.</summary>
    public static int Floats(int paddedRows, int valueDim) => paddedRows * (valueDim + 2);
}
