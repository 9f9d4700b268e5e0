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
internal sealed unsafe class SwiGluKernel(GatedActivation activation, int workers) : RowsKernel(workers)
{
    private float* _source;
    private float* _target;
    private int _columns;

    protected override void Compute(KernelContext context)
    {
        KernelTensor input = context.Input(0);
        (int rows, _columns) = ((int)input.Shape[0], (int)input.Shape[1] / 2);
        _source = (float*)input.Data;
        _target = (float*)context.Output(0, [rows, _columns]);
        RunRows(context, rows, _columns);
    }

    protected override void Run(int firstRow, int endRow)
    {
        for (int row = firstRow; row < endRow; row++)
        {
            activation.Compute(_source + (2L * row * _columns), _columns, _target + ((long)row * _columns));
        }
    }
}
