using System.Collections.Immutable;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>gelu of rows [rows, columns]: see <see cref="Gelu"/>.</summary>
/// <remarks>A number's result depends on that number alone, wherever in a row it stands; ONNX Runtime's own operator does not promise that.</remarks>
internal sealed class GeluOperator(SimdWidth width, int workers) : CustomOperator
{
    public const string OperatorName = "Gelu";

    public override string Name => OperatorName;

    public override ImmutableArray<OperatorPort> Inputs { get; } = [new(TensorElement.F32)];

    public override ImmutableArray<OperatorPort> Outputs { get; } = [new(TensorElement.F32)];

    public override OperatorKernel CreateKernel(KernelAttributes attributes) => new GeluKernel(Gelu.Create(width), workers);
}

/// <summary>One <see cref="GeluOperator"/> node.</summary>
internal sealed unsafe class GeluKernel(Gelu gelu, int workers) : RowsKernel(workers)
{
    private float* _source;
    private float* _target;
    private int _columns;

    protected override void Compute(KernelContext context)
    {
        KernelTensor input = context.Input(0);
        (int rows, _columns) = ((int)input.Shape[0], (int)input.Shape[1]);
        _source = (float*)input.Data;
        _target = (float*)context.Output(0, [rows, _columns]);
        RunRows(context, rows, _columns);
    }

    protected override void Run(int firstRow, int endRow)
    {
        for (int row = firstRow; row < endRow; row++)
        {
            gelu.Compute(_source + ((long)row * _columns), _columns, _target + ((long)row * _columns));
        }
    }
}
