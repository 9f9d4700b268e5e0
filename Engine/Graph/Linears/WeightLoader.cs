using System.Buffers;
using System.Collections.Immutable;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.WeightCache;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>Brings stored weights into the forms that operators take, on several threads.</summary>
/// <param name="threads">Most threads.</param>
/// <param name="totalBytes">Stored bytes of all weights that will be asked for.</param>
/// <param name="progress">Told how it goes; null: nobody.</param>
internal sealed unsafe class WeightLoader(int threads, long totalBytes, IProgress<LoadProgress>? progress)
{
    private const string Stage = "Preparing weights";

    private long _doneBytes;

    /// <summary>Where quantised matrices are found and kept; the owner's to dispose.</summary>
    public QuantizedStore Store { get; init; } = new();

    /// <summary>Ends the work with <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Cancellation { get; init; }

    private ParallelOptions Parallelism => new() { MaxDegreeOfParallelism = threads, CancellationToken = Cancellation };

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
        MatrixQuantizer.ForTiles(matrix, Parallelism, (firstRow, rows) =>
        {
            for (int row = firstRow; row < firstRow + rows; row++)
            {
                matrix.ReadRow(row, new Span<float>((float*)target + ((long)row * matrix.Columns), matrix.Columns));
            }
        });
        Report(matrix.Parts);
        return memory;
    }

    /// <summary>A matrix in bytes with a scale per row, from the store or quantised now. The caller owns its memory.</summary>
    public Int8Matrix QuantizeRows(WeightMatrix matrix)
    {
        (int rows, int columns) = (matrix.Rows, matrix.Columns);
        QuantizedPages pages = FindOrQuantize(matrix.Name, matrix.Parts, Int8Matrix.ValueBytes(rows, columns), Int8Matrix.ScaleBytes(rows), () =>
        {
            Int8Matrix quantized = MatrixQuantizer.QuantizeRows(matrix, Parallelism);
            return new QuantizedPages(quantized.Values, quantized.Scales);
        });
        return new Int8Matrix(rows, columns, pages.Values, pages.Scales);
    }

    /// <summary>A matrix in 4-bit numbers with a scale per block, from the store or quantised now. The caller owns its memory.</summary>
    public Int4Matrix QuantizeBlocks(WeightMatrix matrix, int blockColumns)
    {
        (int rows, int columns) = (matrix.Rows, matrix.Columns);
        long valueBytes = Int4Matrix.ValueBytes(rows, columns, blockColumns);
        long scaleBytes = Int4Matrix.ScaleBytes(rows, columns, blockColumns);
        QuantizedPages pages = FindOrQuantize(matrix.Name, matrix.Parts, valueBytes, scaleBytes, () =>
        {
            Int4Matrix quantized = MatrixQuantizer.QuantizeBlocks(matrix, blockColumns, Parallelism);
            return new QuantizedPages(quantized.Values, quantized.Scales);
        });
        return new Int4Matrix(rows, columns, blockColumns, pages.Values, pages.Scales);
    }

    /// <summary>Runs work on the loader's threads.</summary>
    public void ForEach(int count, Action<int> work) => Parallel.For(0, count, Parallelism, work);

    /// <summary>Widens a matrix row by row and hands each row over, on several threads.</summary>
    /// <param name="paddedColumns">Length of the rows handed over; what is beyond the matrix's columns is 0.</param>
    public void ReadRows(WeightMatrix matrix, int paddedColumns, Action<int, Span<float>> use) =>
        MatrixQuantizer.ForTiles(matrix, Parallelism, (firstRow, rows) =>
        {
            float[] weights = ArrayPool<float>.Shared.Rent(paddedColumns);
            for (int row = firstRow; row < firstRow + rows; row++)
            {
                matrix.ReadRow(row, weights.AsSpan(0, matrix.Columns));
                weights.AsSpan(matrix.Columns).Clear();
                use(row, weights.AsSpan(0, paddedColumns));
            }

            ArrayPool<float>.Shared.Return(weights);
        });

    /// <summary>Numbers and scales of matrices that belong together, from the store or quantised now. The caller owns them.</summary>
    public QuantizedPages FindOrQuantize(
        string name, ImmutableArray<TensorView> parts, long valueBytes, long scaleBytes, Func<QuantizedPages> quantize)
    {
        QuantizedPages pages = Store.Find(name, valueBytes, scaleBytes) ?? Store.Keep(name, quantize());
        Report(parts);
        return pages;
    }

    /// <summary>Counts weights that are used as they are.</summary>
    public void Report(params ImmutableArray<TensorView> parts)
    {
        Cancellation.ThrowIfCancellationRequested();
        _doneBytes += parts.Sum(part => part.ByteLength);
        progress?.Report(new LoadProgress(Stage, _doneBytes, totalBytes));
    }
}
