using System.Numerics;
using System.Runtime.InteropServices;

namespace GlmCluster.Checkpoints.Weights;

/// <summary>Widens stored elements to f32, exactly. NaN stays NaN of the same sign. As wide as the machine's vectors.</summary>
public static class TensorConverter
{
    /// <summary>Widens a run of one tensor's elements, of type F32, F16 or BF16; of a matrix with row scales, one whole row.</summary>
    /// <param name="firstElement">Index of the first element, row-major.</param>
    /// <param name="destination">Receives as many elements as it is long.</param>
    public static unsafe void Read(TensorView tensor, long firstElement, Span<float> destination)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (tensor.RowScales is not null)
        {
            QuantizedTensors.ReadRow(tensor, firstElement, destination);
            return;
        }

        int elementBytes = tensor.Type.ElementBytes();
        ArgumentOutOfRangeException.ThrowIfNegative(firstElement);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstElement, (tensor.ByteLength / elementBytes) - destination.Length);
        void* first = (byte*)tensor.Address + (firstElement * elementBytes);
        switch (tensor.Type)
        {
            case TensorType.F32:
                new ReadOnlySpan<float>(first, destination.Length).CopyTo(destination);
                break;
            case TensorType.F16:
                F16ToSingle(new ReadOnlySpan<Half>(first, destination.Length), destination);
                break;
            case TensorType.BF16:
                BF16ToSingle(new ReadOnlySpan<ushort>(first, destination.Length), destination);
                break;
            default:
                throw new ArgumentException($"Tensor \"{tensor.Name}\" has type {tensor.Type}; F32, F16 and BF16 can be widened.", nameof(tensor));
        }
    }

    /// <param name="destination">At least as long as <paramref name="source"/>.</param>
    public static void F16ToSingle(ReadOnlySpan<Half> source, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, source.Length);
        ReadOnlySpan<ushort> bits = MemoryMarshal.Cast<Half, ushort>(source);
        int i = 0;
        for (; i <= bits.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(bits[i..]), out Vector<uint> low, out Vector<uint> high);
            WidenF16(low).CopyTo(destination[i..]);
            WidenF16(high).CopyTo(destination[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++)
        {
            destination[i] = (float)source[i];
        }
    }

    /// <param name="source">Bits of the elements.</param>
    /// <param name="destination">At least as long as <paramref name="source"/>.</param>
    public static void BF16ToSingle(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, source.Length);
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            (low << 16).As<uint, float>().CopyTo(destination[i..]);
            (high << 16).As<uint, float>().CopyTo(destination[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++)
        {
            destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
        }
    }

    /// <summary>Lanes hold f16 bits. Only integer work and one subtraction of normal numbers, so it is exact and never slow on tiny values.</summary>
    private static Vector<float> WidenF16(Vector<uint> half)
    {
        const int MantissaShift = 23 - 10;
        const uint ExponentMask = 0x7C00u << MantissaShift;
        const uint BiasStep = (127 - 15) << 23;
        const uint SmallestNormal = BiasStep + (1 << 23); // 2^-14 in f32 bits

        Vector<uint> magnitude = (half & new Vector<uint>(0x7FFF)) << MantissaShift;
        Vector<uint> exponent = magnitude & new Vector<uint>(ExponentMask);

        // Infinity and NaN: the all-ones exponent moves up twice, to f32's own all-ones exponent.
        Vector<uint> isSpecial = Vector.Equals(exponent, new Vector<uint>(ExponentMask));
        Vector<uint> normal = magnitude + new Vector<uint>(BiasStep) + (isSpecial & new Vector<uint>(BiasStep));

        // Subnormal: mantissa bits behind 2^-14, then 2^-14 is taken away again.
        var smallestNormal = new Vector<uint>(SmallestNormal);
        Vector<float> subnormal = (magnitude + smallestNormal).As<uint, float>() - smallestNormal.As<uint, float>();
        Vector<uint> result = Vector.ConditionalSelect(Vector.Equals(exponent, Vector<uint>.Zero), subnormal.As<float, uint>(), normal);

        Vector<uint> sign = (half & new Vector<uint>(0x8000)) << 16;
        return (result | sign).As<uint, float>();
    }
}
