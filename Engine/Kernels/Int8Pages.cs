using System.Runtime.CompilerServices;

namespace GlmCluster.Engine.Kernels;

/// <summary>Pages of signed bytes behind one scale per token.</summary>
internal sealed unsafe class Int8Pages(AttentionShape shape, RowQuantizer quantizer) : KvPages(shape)
{
    public override int PageBytes => ScaleBytes + (PageTokens * HeadDim);

    public override int ScaleBytes => PageTokens * sizeof(float);

    public override void WriteKey(byte* page, int slot, float* key) => Write(page, slot, key, (sbyte*)page + ScaleBytes + slot, PageTokens);

    public override void WriteValue(byte* page, int slot, float* value) =>
        Write(page, slot, value, (sbyte*)page + ScaleBytes + (slot * HeadDim), stride: 1);

    private void Write(byte* page, int slot, float* row, sbyte* target, int stride)
    {
        byte* bytes = stackalloc byte[AttentionShape.LargestHeadDim];
        ((float*)page)[slot] = quantizer.Quantize(row, HeadDim, bytes);
        for (int d = 0; d < HeadDim; d++, target += stride)
        {
            *target = (sbyte)(bytes[d] - QuantizeRowsOperator.ZeroPoint);
        }
    }
}

/// <inheritdoc cref="Int8Pages"/>
internal readonly unsafe struct Int8Numbers<TSimd, TVector> : IPageNumbers<TVector>
    where TSimd : struct, IByteSimd<TVector>
    where TVector : unmanaged
{
    public static bool AreFloats => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load(byte* numbers, int index) => TSimd.WidenBytes((sbyte*)numbers + index);

    public static float Read(byte* numbers, int index) => ((sbyte*)numbers)[index];
}
