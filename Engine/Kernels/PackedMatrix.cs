using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GlmCluster.Engine.Kernels;

/// <summary>How a <see cref="PackedMatrix"/> is stored; numbers are part of the graph.</summary>
internal enum PackedElement
{
    /// <summary>Rows of 32-bit floats.</summary>
    F32 = 0,

    /// <summary>Rows of signed bytes, filled up to a multiple of <see cref="PackedMatrix.RowStep"/>, and one scale per row.</summary>
    Bits8 = 1,

    /// <summary>
    /// Blocks of 16 bytes for 32 columns, column i in the low and i + 16 in the high nibble of byte i, as number + 8; a scale per some blocks.
    /// </summary>
    Bits4 = 2,
}

/// <summary>Matrices [matrices, rows, columns] of one format, row after row, whose rows our own kernels widen as they need them.</summary>
internal unsafe struct PackedMatrix
{
    /// <summary>Columns that a row is filled up to a multiple of where it is not f32.</summary>
    public const int RowStep = 32;

    public PackedElement Element;

    public byte* Values;

    /// <summary>Shape (matrices, rows, scales per row).</summary>
    public float* Scales;

    public int Rows;

    public int Columns;

    /// <summary>Scales of a row.</summary>
    public int RowScales;

    /// <summary>Neighbouring columns that share a scale, for 4 bits; a multiple of <see cref="RowStep"/>.</summary>
    public int ScaleColumns;

    private static Vector128<sbyte> UpperHalf => Vector128.Create((sbyte)8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);

    public readonly int PaddedColumns => PadColumns(Columns);

    /// <summary>Bytes of a row.</summary>
    public readonly long RowBytes => BytesOfRow(Element, Columns);

    public static int PadColumns(int columns) => (columns + RowStep - 1) / RowStep * RowStep;

    public static long BytesOfRow(PackedElement element, int columns) => element switch
    {
        PackedElement.F32 => (long)columns * sizeof(float),
        PackedElement.Bits8 => PadColumns(columns),
        _ => PadColumns(columns) / 2,
    };

    /// <summary>A row as floats: where it lies, or widened into memory for <see cref="PaddedColumns"/> floats.</summary>
    public readonly float* Row(int matrix, int row, float* memory) => Row(matrix, row, RowScale(matrix, row), memory);

    /// <summary>The same without <see cref="RowScale"/>.</summary>
    public readonly float* UnscaledRow(int matrix, int row, float* memory) => Row(matrix, row, scale: 1, memory);

    /// <summary>Factor of a whole row; 1 where scales belong to parts of it, or there are none.</summary>
    public readonly float RowScale(int matrix, int row) => Element == PackedElement.Bits8 ? Scales[((long)matrix * Rows) + row] : 1;

    /// <summary>A row where it lies.</summary>
    public readonly byte* Bytes(int matrix, int row) => Values + ((((long)matrix * Rows) + row) * RowBytes);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly float* Row(int matrix, int row, float scale, float* memory)
    {
        byte* source = Bytes(matrix, row);
        switch (Element)
        {
            case PackedElement.F32:
                return (float*)source;
            case PackedElement.Bits8:
                for (int column = 0; column < Columns; column += Vector128<sbyte>.Count)
                {
                    Widen(Vector128.Load((sbyte*)source + column), scale, memory + column);
                }

                return memory;
            default:
                WidenBits4(source, Scales + ((((long)matrix * Rows) + row) * RowScales), memory);
                return memory;
        }
    }

    private readonly void WidenBits4(byte* source, float* scales, float* target)
    {
        for (int column = 0; column < Columns; column += RowStep)
        {
            float scale = scales[column / ScaleColumns];
            var packed = Vector128.Load(source + (column / 2));
            var offset = Vector128.Create((sbyte)8);
            Widen((packed & Vector128.Create((byte)0x0F)).AsSByte() - offset, scale, target + column);
            Widen((packed >>> 4).AsSByte() - offset, scale, target + column + Vector128<sbyte>.Count);
        }
    }

    /// <summary>16 numbers times a scale. Each is converted and multiplied on its own, so vectors of any width give the same bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Widen(Vector128<sbyte> numbers, float scale, float* target)
    {
        if (Avx512F.IsSupported)
        {
            (Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(numbers)) * scale).Store(target);
            return;
        }

        if (Avx2.IsSupported)
        {
            (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(numbers)) * scale).Store(target);
            (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(Vector128.Shuffle(numbers, UpperHalf))) * scale).Store(target + Vector256<float>.Count);
            return;
        }

        (Vector128<short> low, Vector128<short> high) = Vector128.Widen(numbers);
        Store(low, scale, target);
        Store(high, scale, target + Vector128<short>.Count);
    }

    private static void Store(Vector128<short> numbers, float scale, float* target)
    {
        (Vector128<int> low, Vector128<int> high) = Vector128.Widen(numbers);
        (Vector128.ConvertToSingle(low) * scale).Store(target);
        (Vector128.ConvertToSingle(high) * scale).Store(target + Vector128<int>.Count);
    }
}
