using System.Runtime.CompilerServices;

namespace GlmCluster.Engine.Kernels;

/// <summary>Pages of bf16.</summary>
internal sealed unsafe class BFloat16Pages(AttentionShape shape) : KvPages(shape)
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

    /// <summary>To nearest, ties to even; NaN stays NaN.</summary>
    private static ushort Round(float value)
    {
        const ushort NotANumber = 0x7FC0;
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? NotANumber : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}

/// <inheritdoc cref="BFloat16Pages"/>
internal readonly unsafe struct BFloat16Numbers<TSimd, TVector> : IPageNumbers<TVector>
    where TSimd : struct, IByteSimd<TVector>
    where TVector : unmanaged
{
    public static bool AreFloats => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load(byte* numbers, int index) => TSimd.WidenBFloat16((ushort*)numbers + index);

    public static float Read(byte* numbers, int index) => BitConverter.Int32BitsToSingle(((ushort*)numbers)[index] << 16);
}
