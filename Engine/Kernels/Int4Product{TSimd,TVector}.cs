using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GlmCluster.Engine.Kernels;

/// <inheritdoc/>
/// <remarks>
/// Sixteen vectors hold the sums of four rows while a tile's weights pass by once; unpacking a weight is paid once for the four. The last
/// rows of a step are filled up with copies, whose results go nowhere; a lone row, which waits for memory and not for arithmetic, has its own loop.
/// </remarks>
internal sealed unsafe class Int4Product<TSimd, TVector>(Int4Layout layout) : Int4Product
    where TSimd : struct, ISimd<TVector>, IByteSimd<TVector>
    where TVector : unmanaged
{
    private const int BlockColumns = Int4Layout.BlockColumns;
    private const int TileOutputs = Int4Layout.TileOutputs;
    private const int HalfTile = TileOutputs / 2;
    private const int QuadsPerBlock = BlockColumns / 4;
    private const int RowStep = 4;
    private const float Levels = 127;

    private readonly int _columns = layout.Columns;
    private readonly int _groups = layout.Groups;
    private readonly int _blocksPerGroup = layout.GroupColumns / BlockColumns;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Quantize(float* source, in Int4Rows rows, int row)
    {
        float* padded = stackalloc float[BlockColumns];
        long first = (long)row * rows.Blocks;
        for (int block = 0; block < rows.Blocks; block++)
        {
            float* values = source + (block * BlockColumns);
            int count = Math.Min(BlockColumns, _columns - (block * BlockColumns));
            if (count < BlockColumns)
            {
                new Span<float>(padded, BlockColumns).Clear();
                new ReadOnlySpan<float>(values, Math.Max(count, 0)).CopyTo(new Span<float>(padded, BlockColumns));
                values = padded;
            }

            QuantizeBlock(values, rows, first + block);
        }
    }

    public override void Multiply(in Int4Rows rows, int count, byte* weights, float* bias, float* output, long stride, int outputs)
    {
        float* sums = stackalloc float[RowStep * TileOutputs];
        for (int row = 0; row < count; row += RowStep)
        {
            int present = Math.Min(RowStep, count - row);
            for (int part = 0; part < HalfTile; part += TSimd.Width)
            {
                if (count == 1)
                {
                    MultiplyOne(rows, weights, part, sums);
                }
                else
                {
                    MultiplyFour(rows, row, present, weights, part, sums);
                }
            }

            for (int i = 0; i < present; i++)
            {
                Write(sums + (i * TileOutputs), bias, output + ((row + i) * stride), outputs);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void QuantizeBlock(float* values, in Int4Rows rows, long block)
    {
        TVector peak = TSimd.Broadcast(0);
        for (int i = 0; i < BlockColumns; i += TSimd.Width)
        {
            peak = TSimd.Max(peak, TSimd.Abs(TSimd.Load(values + i)));
        }

        float maximum = TSimd.MaxLane(peak);
        TVector factor = TSimd.Broadcast(maximum > 0 ? Levels / maximum : 0);
        var bytes = (byte*)(rows.Values + (block * BlockColumns));
        for (int i = 0; i < BlockColumns; i += TSimd.Width)
        {
            TVector rounded = TSimd.Round(TSimd.Multiply(TSimd.Load(values + i), factor));
            TSimd.StoreBytes(TSimd.Add(rounded, TSimd.Broadcast(QuantizeRowsOperator.ZeroPoint)), bytes + i);
        }

        Vector256<sbyte> numbers = (Vector256.Load(bytes) ^ Vector256.Create(QuantizeRowsOperator.ZeroPoint)).AsSByte();
        numbers.Store((sbyte*)bytes);
        rows.Scales[block] = maximum / Levels;
        rows.Corrections[block] = Correction(numbers);
    }

    private static int Correction(Vector256<sbyte> numbers)
    {
        Vector256<short> pairs = ((numbers.AsInt16() << 8) >> 8) + (numbers.AsInt16() >> 8);
        Vector128<short> sums = pairs.GetLower() + pairs.GetUpper();
        sums += Vector128.Shuffle(sums.AsInt32(), Vector128.Create(2, 3, 0, 1)).AsInt16();
        sums += Vector128.Shuffle(sums.AsInt32(), Vector128.Create(1, 0, 3, 2)).AsInt16();
        return (Vector128<short>.Zero - (sums << 3)).AsInt32().ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyFour(in Int4Rows rows, int row, int present, byte* weights, int part, float* target)
    {
        int blocks = rows.Blocks;
        (int row1, int row2, int row3) = (row + Math.Min(1, present - 1), row + Math.Min(2, present - 1), row + Math.Min(3, present - 1));
        float* scales0 = rows.Scales + ((long)row * blocks), scales1 = rows.Scales + ((long)row1 * blocks);
        float* scales2 = rows.Scales + ((long)row2 * blocks), scales3 = rows.Scales + ((long)row3 * blocks);
        int* corrections0 = rows.Corrections + ((long)row * blocks), corrections1 = rows.Corrections + ((long)row1 * blocks);
        int* corrections2 = rows.Corrections + ((long)row2 * blocks), corrections3 = rows.Corrections + ((long)row3 * blocks);
        var values0 = (int*)(rows.Values + ((long)row * blocks * BlockColumns));
        var values1 = (int*)(rows.Values + ((long)row1 * blocks * BlockColumns));
        var values2 = (int*)(rows.Values + ((long)row2 * blocks * BlockColumns));
        var values3 = (int*)(rows.Values + ((long)row3 * blocks * BlockColumns));
        RowSums sums0 = RowSums.Zero, sums1 = sums0, sums2 = sums0, sums3 = sums0;
        byte* quads = weights + (part * 4);
        int block = 0;
        for (int group = 0; group < _groups; group++)
        {
            TVector low = TSimd.LoadBytes(quads);
            TVector high = TSimd.LoadBytes(quads + (HalfTile * sizeof(float)));
            quads += TileOutputs * sizeof(float);
            for (int end = block + _blocksPerGroup; block < end; block++)
            {
                sums0.Begin(corrections0[block]);
                sums1.Begin(corrections1[block]);
                sums2.Begin(corrections2[block]);
                sums3.Begin(corrections3[block]);
                for (int quad = block * QuadsPerBlock; quad < (block + 1) * QuadsPerBlock; quad++, quads += Int4Layout.QuadBytes)
                {
                    TVector packed = TSimd.LoadBytes(quads);
                    TVector lowNibbles = TSimd.LowNibbles(packed);
                    TVector highNibbles = TSimd.HighNibbles(packed);
                    sums0.Add(lowNibbles, highNibbles, values0[quad]);
                    sums1.Add(lowNibbles, highNibbles, values1[quad]);
                    sums2.Add(lowNibbles, highNibbles, values2[quad]);
                    sums3.Add(lowNibbles, highNibbles, values3[quad]);
                }

                sums0.End(low, high, scales0[block]);
                sums1.End(low, high, scales1[block]);
                sums2.End(low, high, scales2[block]);
                sums3.End(low, high, scales3[block]);
            }
        }

        sums0.Store(target + part);
        sums1.Store(target + TileOutputs + part);
        sums2.Store(target + (2 * TileOutputs) + part);
        sums3.Store(target + (3 * TileOutputs) + part);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyOne(in Int4Rows rows, byte* weights, int part, float* target)
    {
        float* scales = rows.Scales;
        int* corrections = rows.Corrections;
        var values = (int*)rows.Values;
        RowSums sums = RowSums.Zero;
        byte* quads = weights + (part * 4);
        int block = 0;
        for (int group = 0; group < _groups; group++)
        {
            TVector low = TSimd.LoadBytes(quads);
            TVector high = TSimd.LoadBytes(quads + (HalfTile * sizeof(float)));
            quads += TileOutputs * sizeof(float);
            for (int end = block + _blocksPerGroup; block < end; block++)
            {
                sums.Begin(corrections[block]);
                for (int quad = block * QuadsPerBlock; quad < (block + 1) * QuadsPerBlock; quad++, quads += Int4Layout.QuadBytes)
                {
                    TVector packed = TSimd.LoadBytes(quads);
                    sums.Add(TSimd.LowNibbles(packed), TSimd.HighNibbles(packed), values[quad]);
                }

                sums.End(low, high, scales[block]);
            }
        }

        sums.Store(target + part);
    }

    private static void Write(float* sums, float* bias, float* output, int outputs)
    {
        int i = 0;
        for (; i <= outputs - TSimd.Width; i += TSimd.Width)
        {
            TVector sum = TSimd.Load(sums + i);
            TSimd.Store(bias == null ? sum : TSimd.Add(sum, TSimd.Load(bias + i)), output + i);
        }

        for (; i < outputs; i++)
        {
            output[i] = bias == null ? sums[i] : sums[i] + bias[i];
        }
    }

    /// <summary>One row's sums over a tile, half a tile apart.</summary>
    private struct RowSums
    {
        private TVector _lowShorts;
        private TVector _highShorts;
        private TVector _low;
        private TVector _high;

        public static RowSums Zero => new() { _low = TSimd.Broadcast(0), _high = TSimd.Broadcast(0) };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Begin(int correction)
        {
            _lowShorts = TSimd.BroadcastBits(correction);
            _highShorts = _lowShorts;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(TVector lowNibbles, TVector highNibbles, int fourBytes)
        {
            TVector bytes = TSimd.BroadcastBits(fourBytes);
            _lowShorts = TSimd.AddShorts(_lowShorts, TSimd.MultiplyPairs(lowNibbles, bytes));
            _highShorts = TSimd.AddShorts(_highShorts, TSimd.MultiplyPairs(highNibbles, bytes));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void End(TVector lowScales, TVector highScales, float scale)
        {
            TVector factor = TSimd.Broadcast(scale);
            _low = TSimd.MultiplyAdd(TSimd.SumPairs(_lowShorts), TSimd.Multiply(lowScales, factor), _low);
            _high = TSimd.MultiplyAdd(TSimd.SumPairs(_highShorts), TSimd.Multiply(highScales, factor), _high);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* target)
        {
            TSimd.Store(_low, target);
            TSimd.Store(_high, target + HalfTile);
        }
    }
}
