using System.Runtime.CompilerServices;

namespace GlmCluster.Engine.Kernels;

/// <summary>Pages of bf16.</summary>
internal sealed unsafe class BFloat16Pages<TSimd, TVector>(AttentionShape shape) : KvPages(shape)
    where TSimd : struct, ISimd<TVector>, IByteSimd<TVector>
    where TVector : unmanaged
{
    public override int PageBytes => PageTokens * HeadDim * sizeof(ushort);

    public override void WriteKey(byte* page, int slot, float* key)
    {
        ushort* target = (ushort*)page + slot;
        for (int d = 0; d < HeadDim; d++, target += PageTokens)
        {
            *target = Round(key[d]);
        }
    }

    public override void WriteValue(byte* page, int slot, float* value)
    {
        ushort* target = (ushort*)page + (slot * HeadDim);
        for (int d = 0; d < HeadDim; d++)
        {
            target[d] = Round(value[d]);
        }
    }

    public override float* ReadKeys(byte* page, float* scratch) => Read((ushort*)page, scratch);

    public override float* ReadValues(byte* page, float* scratch) => Read((ushort*)page, scratch);

    /// <summary>To nearest, ties to even; NaN stays NaN.</summary>
    private static ushort Round(float value)
    {
        const ushort NotANumber = 0x7FC0;
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? NotANumber : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <remarks>A page has 32 · headDim numbers: whole vectors of any width.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float* Read(ushort* page, float* scratch)
    {
        int count = PageTokens * HeadDim;
        for (int i = 0; i < count; i += TSimd.Width)
        {
            TSimd.Store(TSimd.WidenBFloat16(page + i), scratch + i);
        }

        return scratch;
    }
}
