using System.Collections.Immutable;
using System.Runtime.Intrinsics;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>norm(a + b) of rows [rows, columns]: (x - mean) / √(variance + epsilon) · weight + bias.</summary>
/// <remarks>
/// The variance is the mean of the squared differences from the mean, in a second pass over the row. ONNX Runtime's operator computes it as a
/// difference of sums, one number at a time. A row's result depends on that row alone.
/// </remarks>
internal sealed class AddNormOperator(SimdWidth width, int workers) : CustomOperator
{
    public const string OperatorName = "AddNorm";

    public override string Name => OperatorName;

    public override ImmutableArray<OperatorPort> Inputs { get; } =
    [
        new(TensorElement.F32), // a [rows, columns]
        new(TensorElement.F32), // b [rows, columns]
        new(TensorElement.F32), // weight [columns]
        new(TensorElement.F32), // bias [columns]
    ];

    public override ImmutableArray<OperatorPort> Outputs { get; } = [new(TensorElement.F32)];

    public override OperatorKernel CreateKernel(KernelAttributes attributes) => width switch
    {
        SimdWidth.Bits512 => new AddNormKernel<Simd512, Vector512<float>>(attributes.Float("epsilon"), workers),
        SimdWidth.Bits256 => new AddNormKernel<Simd256, Vector256<float>>(attributes.Float("epsilon"), workers),
        _ => new AddNormKernel<Simd128, Vector128<float>>(attributes.Float("epsilon"), workers),
    };
}

/// <summary>One <see cref="AddNormOperator"/> node.</summary>
internal sealed unsafe class AddNormKernel<TSimd, TVector>(float epsilon, int workers) : RowsKernel(workers)
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    private float* _left;
    private float* _right;
    private float* _weight;
    private float* _bias;
    private float* _target;
    private int _columns;

    protected override void Compute(KernelContext context)
    {
        KernelTensor input = context.Input(0);
        (int rows, _columns) = ((int)input.Shape[0], (int)input.Shape[1]);
        _left = (float*)input.Data;
        _right = (float*)context.Input(1).Data;
        _weight = (float*)context.Input(2).Data;
        _bias = (float*)context.Input(3).Data;
        _target = (float*)context.Output(0, [rows, _columns]);
        RunRows(context, rows, _columns);
    }

    protected override void Run(int firstRow, int endRow)
    {
        for (int row = firstRow; row < endRow; row++)
        {
            long offset = (long)row * _columns;
            RowMath<TSimd, TVector>.AddNorm(_left + offset, _right + offset, _weight, _bias, epsilon, _columns, _target + offset);
        }
    }
}
