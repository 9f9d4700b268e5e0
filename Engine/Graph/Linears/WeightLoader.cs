using System.Buffers;
using System.Collections.Immutable;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>Brings stored weights into the forms that operators take, on several threads.</summary>
/// <param name="threads">Most threads.</param>
/// <param name="totalBytes">Stored bytes of all weights that will be asked for.</param>
internal sealed unsafe class WeightLoader(int threads, long totalBytes, IProgress<LoadProgress>? progress)
{
    private const string Stage = "Preparing weights";

    /// <summary>Rows that one thread quantises before it writes them, so that each write to a transposed matrix fills a cache line.</summary>
    private const int TileRows = 64;

    private readonly ParallelOptions _parallel = new() { MaxDegreeOfParallelism = threads };
    private long _doneBytes;

    /// <summary>Widens a vector, given in parts, to f32.</summary>
    public PageMemory ToFloat(ImmutableArray<TensorView> parts)
    {
        var memory = new PageMemory(parts.Sum(part => part.Shape[0]) * sizeof(float));
        var target = (float*)memory.Address;
        foreach (TensorView part in parts)
        {
            TensorConverter.Read(part, 0, new Span<float>(target, (int)part.Shape[0]));
            target += part.Shape[0];
        }

        Report(parts);
        return memory;
    }

    /// <summary>Widens a matrix to f32, as it is stored: [rows, columns].</summary>
    public PageMemory ToFloat(WeightMatrix matrix)
    {
        var memory = new PageMemory(matrix.Length * sizeof(float));
        nint target = memory.Address;
        Parallel.For(0, matrix.Rows, _parallel, row =>
            matrix.ReadRow(row, new Span<float>((float*)target + ((long)row * matrix.Columns), matrix.Columns)));
        Report(matrix.Parts);
        return memory;
    }

    /// <summary>Quantises each row to whole numbers from -127 to 127 times one scale, and transposes.</summary>
    /// <param name="offset">Added to every number: 0 for signed bytes, 128 for unsigned ones.</param>
    /// <returns>Bytes [columns, rows] and scales [rows].</returns>
    public (PageMemory Weights, PageMemory Scales) Quantize(WeightMatrix matrix, byte offset)
    {
        var weights = new PageMemory(matrix.Length);
        var scales = new PageMemory((long)matrix.Rows * sizeof(float));
        (nint weightAddress, nint scaleAddress) = (weights.Address, scales.Address);
        int tiles = (matrix.Rows + TileRows - 1) / TileRows;
        Parallel.For(0, tiles, _parallel, tile => QuantizeTile(matrix, offset, tile * TileRows, (byte*)weightAddress, (float*)scaleAddress));
        Report(matrix.Parts);
        return (weights, scales);
    }

    /// <summary>Quantises blocks of each row to 4-bit numbers.</summary>
    public Int4Matrix QuantizeBlocks(WeightMatrix matrix, int blockColumns)
    {
        var quantized = Int4Matrix.Allocate(matrix.Rows, matrix.Columns, blockColumns);
        Parallel.For(0, matrix.Rows, _parallel, row => QuantizeRowBlocks(matrix, row, quantized));
        Report(matrix.Parts);
        return quantized;
    }

    /// <summary>Runs work on the loader's threads.</summary>
    public void ForEach(int count, Action<int> work) => Parallel.For(0, count, _parallel, work);

    /// <summary>Widens a matrix row by row and hands each row over, on several threads.</summary>
    /// <param name="paddedColumns">Length of the rows handed over; what is beyond the matrix's columns is 0.</param>
    public void ReadRows(WeightMatrix matrix, int paddedColumns, Action<int, Span<float>> use)
    {
        Parallel.For(0, matrix.Rows, _parallel, row =>
        {
            float[] weights = ArrayPool<float>.Shared.Rent(paddedColumns);
            matrix.ReadRow(row, weights.AsSpan(0, matrix.Columns));
            weights.AsSpan(matrix.Columns).Clear();
            use(row, weights.AsSpan(0, paddedColumns));
            ArrayPool<float>.Shared.Return(weights);
        });
        Report(matrix.Parts);
    }

    /// <summary>Counts weights that are used as they are.</summary>
    public void Report(params ImmutableArray<TensorView> parts)
    {
        _doneBytes += parts.Sum(part => part.ByteLength);
        progress?.Report(new LoadProgress(Stage, _doneBytes, totalBytes));
    }

    private static void QuantizeRowBlocks(WeightMatrix matrix, int row, Int4Matrix target)
    {
        int blockColumns = target.BlockColumns;
        float[] weights = ArrayPool<float>.Shared.Rent(target.Blocks * blockColumns);
        matrix.ReadRow(row, weights.AsSpan(0, matrix.Columns));
        weights.AsSpan(matrix.Columns).Clear();
        for (int block = 0; block < target.Blocks; block++)
        {
            long index = ((long)row * target.Blocks) + block;
            var values = new Span<byte>((byte*)target.Values.Address + (index * (blockColumns / 2)), blockColumns / 2);
            ((float*)target.Scales.Address)[index] = BlockQuantization.Quantize(weights.AsSpan(block * blockColumns, blockColumns), values);
        }

        ArrayPool<float>.Shared.Return(weights);
    }

    private static void QuantizeTile(WeightMatrix matrix, byte offset, int firstRow, byte* weights, float* scales)
    {
        int rows = Math.Min(TileRows, matrix.Rows - firstRow);
        float[] row = ArrayPool<float>.Shared.Rent(matrix.Columns);
        byte[] tile = ArrayPool<byte>.Shared.Rent(TileRows * matrix.Columns);
        for (int i = 0; i < rows; i++)
        {
            Span<float> values = row.AsSpan(0, matrix.Columns);
            matrix.ReadRow(firstRow + i, values);
            scales[firstRow + i] = RowQuantization.Quantize(values, offset, tile.AsSpan(i * matrix.Columns, matrix.Columns));
        }

        for (int column = 0; column < matrix.Columns; column++)
        {
            byte* target = weights + ((long)column * matrix.Rows) + firstRow;
            for (int i = 0; i < rows; i++)
            {
                target[i] = tile[(i * matrix.Columns) + column];
            }
        }

        ArrayPool<byte>.Shared.Return(tile);
        ArrayPool<float>.Shared.Return(row);
    }
}
