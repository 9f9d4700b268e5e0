using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>One <see cref="QuantizeRowsOperator"/> node.</summary>
/// <param name="gate">Null: rows are not gated.</param>
internal sealed unsafe class QuantizeRowsKernel(RowQuantizer quantizer, GatedActivation? gate, int workers) : OperatorKernel
{
    /// <summary>Waking threads takes about as long as quantising so many numbers.</summary>
    private const long SerialNumbers = 1 << 16;

    private readonly ScratchMemory _gatedRows = new(); // one per share
    private float* _gated;
    private float* _source;
    private byte* _bytes;
    private float* _scales;
    private int _rows;
    private int _columns;
    private int _shares;

    protected override void Compute(KernelContext context)
    {
        KernelTensor input = context.Input(0);
        (_rows, _columns) = ((int)input.Shape[0], (int)input.Shape[1] / (gate is null ? 1 : 2));
        _source = (float*)input.Data;
        _bytes = (byte*)context.Output(0, [_rows, _columns]);
        _scales = (float*)context.Output(1, [_rows, 1]);
        _shares = (long)_rows * _columns < SerialNumbers ? 1 : Math.Min(workers, _rows);
        _gated = gate is null ? null : _gatedRows.Take<float>((long)_shares * _columns);
        if (_shares == 1)
        {
            Work(0);
        }
        else
        {
            Share(context, _shares);
        }
    }

    protected override void Work(int share)
    {
        int end = (int)((long)_rows * (share + 1) / _shares);
        for (int row = (int)((long)_rows * share / _shares); row < end; row++)
        {
            long offset = (long)row * _columns;
            float* values = _source + offset;
            if (gate is not null)
            {
                values = _gated + ((long)share * _columns);
                gate.Compute(_source + (2 * offset), _columns, values);
            }

            _scales[row] = quantizer.Quantize(values, _columns, _bytes + offset);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _gatedRows.Dispose();
        }

        base.Dispose(disposing);
    }
}
