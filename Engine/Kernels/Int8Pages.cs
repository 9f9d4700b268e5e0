using System.Runtime.CompilerServices;

namespace GlmCluster.Engine.Kernels;

/// <summary>Pages of bytes around 128 behind one scale per token: value = (byte - 128) · scale.</summary>
internal sealed unsafe class Int8Pages<TSimd, TVector>(AttentionShape shape) : KvPages(shape)
    where TSimd : struct, ISimd<TVector>, IByteSimd<TVector>
    where TVector : unmanaged
{
    private const int ScaleBytes = PageTokens * sizeof(float);

    private readonly RowQuantizer<TSimd, TVector> _quantizer = new();

    public override int PageBytes => ScaleBytes + (PageTokens * HeadDim);

    public override void WriteKey(byte* page, int slot, float* key)
    {
        byte* bytes = stackalloc byte[AttentionShape.LargestHeadDim];
        ((float*)page)[slot] = _quantizer.Quantize(key, HeadDim, bytes);
        byte* target = page + ScaleBytes + slot;
        for (int d = 0; d < HeadDim; d++, target += PageTokens)
        {
            *target = bytes[d];
        }
    }

    public override void WriteValue(byte* page, int slot, float* value) =>
        ((float*)page)[slot] = _quantizer.Quantize(value, HeadDim, page + ScaleBytes + (slot * HeadDim));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* ReadKeys(byte* page, float* scratch)
    {
        var scales = (float*)page;
        byte* bytes = page + ScaleBytes;
        TVector zeroPoint = TSimd.Broadcast(QuantizeRowsOperator.ZeroPoint);
        for (int slot = 0; slot < PageTokens; slot += TSimd.Width)
        {
            TVector scale = TSimd.Load(scales + slot);
            for (int i = slot; i < PageTokens * HeadDim; i += PageTokens)
            {
                TSimd.Store(TSimd.Multiply(TSimd.Subtract(TSimd.WidenBytes(bytes + i), zeroPoint), scale), scratch + i);
            }
        }

        return scratch;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* ReadValues(byte* page, float* scratch)
    {
        byte* bytes = page + ScaleBytes;
        TVector zeroPoint = TSimd.Broadcast(QuantizeRowsOperator.ZeroPoint);
        for (int slot = 0; slot < PageTokens; slot++, bytes += HeadDim)
        {
            float* target = scratch + (slot * HeadDim);
            float scale = ((float*)page)[slot];
            int d = 0;
            for (; d <= HeadDim - TSimd.Width; d += TSimd.Width)
            {
                TVector number = TSimd.Subtract(TSimd.WidenBytes(bytes + d), zeroPoint);
                TSimd.Store(TSimd.Multiply(number, TSimd.Broadcast(scale)), target + d);
            }

            for (; d < HeadDim; d++)
            {
                target[d] = (bytes[d] - QuantizeRowsOperator.ZeroPoint) * scale;
            }
        }

        return scratch;
    }
}
