using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>One <see cref="Int4MatMulOperator"/> node: quantises the rows, then spreads tiles of weights over ONNX Runtime's threads.</summary>
internal sealed unsafe class Int4MatMulKernel(int outputs, int groupColumns, bool isGated, SimdWidth width, int workers) : OperatorKernel
{
    /// <summary>Waking threads takes about as long as quantising so many numbers.</summary>
    private const long SerialNumbers = 1 << 15;

    /// <summary>Waking threads takes about as long as so many products.</summary>
    private const long SerialProducts = 1 << 19;

    /// <summary>Units that a thread takes in the mean: enough that none waits long for the last.</summary>
    private const int UnitsPerWorker = 16;

    private readonly ScratchMemory _values = new();
    private readonly ScratchMemory _scales = new();
    private readonly ScratchMemory _corrections = new();
    private readonly ScratchMemory _gatedRows = new(); // one per worker
    private readonly GatedActivation? _gate = isGated ? GatedActivation.Create(width) : null;
    private Int4Product? _product;
    private Int4Layout _layout;
    private Int4Rows _rows;
    private bool _isQuantizing;
    private int _rowCount;
    private int _unitCount;
    private int _unitTiles;
    private int _nextUnit;
    private float* _input;
    private float* _gated;
    private byte* _weights;
    private float* _bias;
    private float* _output;

    protected override void Compute(KernelContext context)
    {
        KernelTensor input = context.Input(0);
        (int rowCount, int columns) = ((int)input.Shape[0], (int)input.Shape[1] / (isGated ? 2 : 1));
        _product ??= Int4Product.Create(width, _layout = new Int4Layout(outputs, columns, groupColumns));
        _input = (float*)input.Data;
        _weights = (byte*)context.Input(1).Data;
        _bias = (float*)context.OptionalData(2);
        _output = (float*)context.Output(0, [rowCount, outputs]);
        _rowCount = rowCount;
        long blocks = (long)rowCount * _layout.Blocks;
        _rows = new Int4Rows
        {
            Values = _values.Take<sbyte>(blocks * Int4Layout.BlockColumns),
            Scales = _scales.Take<float>(blocks),
            Corrections = _corrections.Take<int>(blocks),
            Blocks = _layout.Blocks,
        };
        _gated = isGated ? _gatedRows.Take<float>((long)workers * columns) : null;
        _isQuantizing = true;
        RunUnits(context, rowCount, (long)rowCount * columns < SerialNumbers);
        _isQuantizing = false;
        _unitTiles = Math.Max(1, _layout.Tiles / (workers * UnitsPerWorker));
        RunUnits(context, (_layout.Tiles + _unitTiles - 1) / _unitTiles, (long)rowCount * columns * outputs < SerialProducts);
    }

    protected override void Work(int share)
    {
        for (int unit = Interlocked.Increment(ref _nextUnit) - 1; unit < _unitCount; unit = Interlocked.Increment(ref _nextUnit) - 1)
        {
            if (_isQuantizing)
            {
                QuantizeRow(unit, share);
            }
            else
            {
                MultiplyTiles(unit * _unitTiles, Math.Min((unit + 1) * _unitTiles, _layout.Tiles));
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _values.Dispose();
            _scales.Dispose();
            _corrections.Dispose();
            _gatedRows.Dispose();
        }

        base.Dispose(disposing);
    }

    private void RunUnits(KernelContext context, int units, bool isSerial)
    {
        _unitCount = units;
        _nextUnit = 0;
        if (isSerial || workers == 1 || units == 1)
        {
            Work(0);
        }
        else
        {
            Share(context, Math.Min(workers, units));
        }
    }

    private void QuantizeRow(int row, int share)
    {
        float* source = _input + ((long)row * _layout.Columns * (isGated ? 2 : 1));
        if (_gate is not null)
        {
            float* gated = _gated + ((long)share * _layout.Columns);
            _gate.Compute(source, _layout.Columns, gated);
            source = gated;
        }

        _product!.Quantize(source, _rows, row);
    }

    private void MultiplyTiles(int firstTile, int endTile)
    {
        for (int tile = firstTile; tile < endTile; tile++)
        {
            int first = tile * Int4Layout.TileOutputs;
            _product!.Multiply(
                _rows,
                _rowCount,
                _weights + ((long)tile * _layout.TileBytes),
                _bias == null ? null : _bias + first,
                _output + first,
                outputs,
                Math.Min(Int4Layout.TileOutputs, outputs - first));
        }
    }
}
