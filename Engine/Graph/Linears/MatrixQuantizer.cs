using System.Buffers;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>Quantises matrices, tiles of rows side by side on several threads.</summary>
internal static unsafe class MatrixQuantizer
{
    /// <summary>Rows that one thread quantises before it writes them, so that each write to a transposed matrix fills a cache line.</summary>
    private const int TileRows = 64;

    /// <summary>Each row to whole numbers from -127 to 127 times one scale.</summary>
    public static Int8Matrix QuantizeRows(WeightMatrix matrix, ParallelOptions parallel)
    {
        var target = Int8Matrix.Allocate(matrix.Rows, matrix.Columns);
        ForTiles(matrix, parallel, (firstRow, rows) => QuantizeTile(matrix, firstRow, rows, target));
        return target;
    }

    /// <summary>Blocks of each row to 4-bit numbers times a scale each.</summary>
    public static Int4Matrix QuantizeBlocks(WeightMatrix matrix, int blockColumns, ParallelOptions parallel)
    {
        var target = Int4Matrix.Allocate(matrix.Rows, matrix.Columns, blockColumns);
        ForTiles(matrix, parallel, (firstRow, rows) =>
        {
            for (int row = firstRow; row < firstRow + rows; row++)
            {
                QuantizeRowBlocks(matrix, row, target);
            }
        });
        return target;
    }

    /// <summary>Does something with every tile, and then lets go of the file's pages that it was read from.</summary>
    public static void ForTiles(WeightMatrix matrix, ParallelOptions parallel, Action<int, int> work) =>
        Parallel.For(0, (matrix.Rows + TileRows - 1) / TileRows, parallel, tile =>
        {
            int firstRow = tile * TileRows;
            int rows = Math.Min(TileRows, matrix.Rows - firstRow);
            work(firstRow, rows);
            matrix.Release(firstRow, rows);
        });

    private static void QuantizeTile(WeightMatrix matrix, int firstRow, int rows, Int8Matrix target)
    {
        float[] row = ArrayPool<float>.Shared.Rent(matrix.Columns);
        sbyte[] tile = ArrayPool<sbyte>.Shared.Rent(TileRows * matrix.Columns);
        for (int i = 0; i < rows; i++)
        {
            Span<sbyte> numbers = tile.AsSpan(i * matrix.Columns, matrix.Columns);
            ((float*)target.Scales.Address)[firstRow + i] =
                matrix.TryReadNumbers(firstRow + i, bits: 8, numbers) ?? QuantizeRow(matrix, firstRow + i, row.AsSpan(0, matrix.Columns), numbers);
        }

        for (int column = 0; column < matrix.Columns; column++)
        {
            sbyte* transposed = (sbyte*)target.Values.Address + ((long)column * matrix.Rows) + firstRow;
            for (int i = 0; i < rows; i++)
            {
                transposed[i] = tile[(i * matrix.Columns) + column];
            }
        }

        ArrayPool<sbyte>.Shared.Return(tile);
        ArrayPool<float>.Shared.Return(row);
    }

    private static float QuantizeRow(WeightMatrix matrix, int row, Span<float> weights, Span<sbyte> numbers)
    {
        matrix.ReadRow(row, weights);
        return RowQuantization.Quantize(weights, numbers);
    }

    private static void QuantizeRowBlocks(WeightMatrix matrix, int row, Int4Matrix target)
    {
        int blockColumns = target.BlockColumns;
        if (CopyNumbers(matrix, row, target))
        {
            return;
        }

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

    /// <summary>Takes over a row that is stored in 4 bits: all its blocks have the row's scale.</summary>
    private static bool CopyNumbers(WeightMatrix matrix, int row, Int4Matrix target)
    {
        int width = target.Blocks * target.BlockColumns;
        sbyte[] numbers = ArrayPool<sbyte>.Shared.Rent(width);
        float? scale = matrix.TryReadNumbers(row, bits: 4, numbers.AsSpan(0, matrix.Columns));
        if (scale is float found)
        {
            numbers.AsSpan(matrix.Columns).Clear();
            byte* pairs = (byte*)target.Values.Address + ((long)row * width / 2);
            for (int i = 0; i < width; i += 2)
            {
                pairs[i / 2] = (byte)((numbers[i] + Int4Matrix.ZeroPoint) | ((numbers[i + 1] + Int4Matrix.ZeroPoint) << 4));
            }

            new Span<float>((float*)target.Scales.Address + ((long)row * target.Blocks), target.Blocks).Fill(found);
        }

        ArrayPool<sbyte>.Shared.Return(numbers);
        return scale is not null;
    }
}
