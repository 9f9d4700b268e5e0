using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GlmCluster.Engine.Kernels;

/// <content>Pairs are multiplied apart, as 16-bit numbers, because not every machine has an instruction for it.</content>
internal readonly unsafe partial struct Simd128 : IByteSimd<Vector128<float>>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadBytes(byte* source) => Vector128.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> WidenBytes(sbyte* source)
    {
        Vector128<short> shorts = Vector128.WidenLower(Vector128.CreateScalar(*(uint*)source).AsSByte());
        return Vector128.ConvertToSingle(Vector128.WidenLower(shorts));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> WidenBFloat16(ushort* source) =>
        (Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)source).AsUInt16()) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LowNibbles(Vector128<float> bytes) => (bytes.AsByte() & Vector128.Create((byte)15)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> HighNibbles(Vector128<float> bytes) =>
        ((bytes.AsUInt16() >>> 4).AsByte() & Vector128.Create((byte)15)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> BroadcastBits(int bits) => Vector128.Create(bits).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyPairs(Vector128<float> unsignedBytes, Vector128<float> signedBytes)
    {
        Vector128<short> even = (unsignedBytes.AsInt16() & Vector128.Create((short)255)) * ((signedBytes.AsInt16() << 8) >> 8);
        Vector128<short> odd = (unsignedBytes.AsUInt16() >>> 8).AsInt16() * (signedBytes.AsInt16() >> 8);
        return (even + odd).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> AddShorts(Vector128<float> left, Vector128<float> right) => (left.AsInt16() + right.AsInt16()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumPairs(Vector128<float> shorts) =>
        Vector128.ConvertToSingle(((shorts.AsInt32() << 16) >> 16) + (shorts.AsInt32() >> 16));
}
