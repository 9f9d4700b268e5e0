using System.Collections.Immutable;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>
/// y = x · weightsᵀ + bias with 4-bit weights, packed as <see cref="Int4Layout"/> says; rows of x are quantised to 8 bits on the way. Gated rows
/// are [rows, 2 · columns], gate then up, and x is silu(gate) ⊙ up.
/// </summary>
internal sealed class Int4MatMulOperator(SimdWidth width, int workers) : CustomOperator
{
    public const string OperatorName = "Int4MatMul";

    /// <summary>Attribute: rows of the matrix.</summary>
    public const string OutputCount = "outputs";

    /// <summary>Attribute: columns that share a scale.</summary>
    public const string GroupColumns = "group_columns";

    /// <summary>Attribute: 1 where rows are gated.</summary>
    public const string Gated = "gated";

    public override string Name => OperatorName;

    public override ImmutableArray<OperatorPort> Inputs { get; } =
    [
        new(TensorElement.F32), // x, shape (rows, columns)
        new(TensorElement.U8), // weights, shape (tiles, tile bytes)
        new(TensorElement.F32, IsOptional: true), // bias, shape (outputs,)
    ];

    public override ImmutableArray<OperatorPort> Outputs { get; } = [new(TensorElement.F32)]; // y, shape (rows, outputs)

    public override OperatorKernel CreateKernel(KernelAttributes attributes) =>
        new Int4MatMulKernel(
            attributes.Integer(OutputCount), attributes.Integer(GroupColumns), attributes.Integer(Gated) == 1, width, workers);
}
