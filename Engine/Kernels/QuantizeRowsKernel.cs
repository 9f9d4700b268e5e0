using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>One <see cref="QuantizeRowsOperator"/> node.</summary>
internal sealed unsafe class QuantizeRowsKernel(RowQuantizer quantizer, RowActivation activation, SimdWidth width, int workers) : OperatorKernel
{
    /// <summary>Waking threads takes about as long as quantising so many numbers.</summary>
    private const long SerialNumbers = 1 << 16;

    private readonly GatedActivation _gate = GatedActivation.Create(width);
    private readonly Gelu _gelu = Gelu.Create(width);
    private readonly ScratchMemory _activeRows = new(); // one per share
    private float* _active;
    private float* _source;
    private byte* _bytes;
    private float* _scales;
    private int _rows;
    private int _columns;
    private int _shares;

    protected override void Compute(KernelContext context)
    {
        KernelTensor input = context.Input(0);
        (_rows, _columns) = ((int)input.Shape[0], (int)input.Shape[1] / (activation == RowActivation.SwiGlu ? 2 : 1));
        _source = (float*)input.Data;
        _bytes = (byte*)context.Output(0, [_rows, _columns]);
        _scales = (float*)context.Output(1, [_rows, 1]);
        _shares = (long)_rows * _columns < SerialNumbers ? 1 : Math.Min(workers, _rows);
        _active = activation == RowActivation.None ? null : _activeRows.Take<float>((long)_shares * _columns);
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
            float* values = Activate(offset, _active + ((long)share * _columns));
            _scales[row] = quantizer.Quantize(values, _columns, _bytes + offset);
        }
    }

    private float* Activate(long offset, float* target)
    {
        switch (activation)
        {
            case RowActivation.SwiGlu:
                _gate.Compute(_source + (2 * offset), _columns, target);
                return target;
            case RowActivation.Gelu:
                _gelu.Compute(_source + offset, _columns, target);
                return target;
            default:
                return _source + offset;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _activeRows.Dispose();
        }

        base.Dispose(disposing);
    }
}
