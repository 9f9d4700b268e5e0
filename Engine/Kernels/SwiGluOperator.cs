using System.Collections.Immutable;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>silu(gate) ⊙ up of rows [rows, 2 · columns] that hold gate, then up: one pass instead of three operators'.</summary>
internal sealed class SwiGluOperator(SimdWidth width, int workers) : CustomOperator
{
    public const string OperatorName = "SwiGlu";

    public override string Name => OperatorName;

    public override ImmutableArray<OperatorPort> Inputs { get; } = [new(TensorElement.F32)];

    public override ImmutableArray<OperatorPort> Outputs { get; } = [new(TensorElement.F32)];

    public override OperatorKernel CreateKernel(KernelAttributes attributes) => new SwiGluKernel(GatedActivation.Create(width), workers);
}

/// <summary>One <see cref="SwiGluOperator"/> node.</summary>
internal sealed unsafe class SwiGluKernel(GatedActivation activation, int workers) : OperatorKernel
{
    /// <summary>Waking threads takes about as long as so many numbers.</summary>
    private const long SerialNumbers = 1 << 14;

    private float* _source;
    private float* _target;
    private int _rows;
    private int _columns;
    private int _shares;

    protected override void Compute(KernelContext context)
    {
        KernelTensor input = context.Input(0);
        (_rows, _columns) = ((int)input.Shape[0], (int)input.Shape[1] / 2);
        _source = (float*)input.Data;
        _target = (float*)context.Output(0, [_rows, _columns]);
        _shares = (long)_rows * _columns < SerialNumbers ? 1 : Math.Min(workers, _rows);
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
            activation.Compute(_source + (2L * row * _columns), _columns, _target + ((long)row * _columns));
        }
    }
}
