using System.Runtime.CompilerServices;

namespace GlmCluster.Engine.Kernels;

/// <summary>Pages of floats.</summary>
internal sealed unsafe class FloatPages(AttentionShape shape) : KvPages(shape)
{
    public override int PageBytes => PageTokens * HeadDim * sizeof(float);

    public override void WriteKey(byte* page, int slot, float* key)
    {
        float* target = (float*)page + slot;
        for (int d = 0; d < HeadDim; d++, target += PageTokens)
        {
            *target = key[d];
        }
    }

    public override void WriteValue(byte* page, int slot, float* value) =>
        new ReadOnlySpan<float>(value, HeadDim).CopyTo(new Span<float>((float*)page + (slot * HeadDim), HeadDim));
}

/// <inheritdoc cref="FloatPages"/>
internal readonly unsafe struct FloatNumbers<TSimd, TVector> : IPageNumbers<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    public static bool AreFloats => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load(byte* numbers, int index) => TSimd.Load((float*)numbers + index);

    public static float Read(byte* numbers, int index) => ((float*)numbers)[index];
}
