using System.Collections.Immutable;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>
/// Turns rows of floats [rows, columns] into bytes around <see cref="ZeroPoint"/> and one scale per row [rows, 1]:
/// float ≈ (byte - 128) · scale, scale = largest magnitude of the row / 127. With an activation it is that of the row which is quantised.
/// </summary>
/// <remarks>A row's bytes depend on that row alone, and are the same in every vector width.</remarks>
internal sealed class QuantizeRowsOperator(SimdWidth width, int workers) : CustomOperator
{
    public const string OperatorName = "QuantizeRows";

    /// <summary>Attribute: a <see cref="RowActivation"/>.</summary>
    public const string Activation = "activation";

    public const byte ZeroPoint = 128;

    public override string Name => OperatorName;

    public override ImmutableArray<OperatorPort> Inputs { get; } = [new(TensorElement.F32)];

    public override ImmutableArray<OperatorPort> Outputs { get; } = [new(TensorElement.U8), new(TensorElement.F32)];

    public override OperatorKernel CreateKernel(KernelAttributes attributes) => new QuantizeRowsKernel(
        RowQuantizer.Create(width), (RowActivation)attributes.Integer(Activation), width, workers);
}

/// <summary>What is computed of a row before it is quantised.</summary>
internal enum RowActivation
{
    None,

    /// <summary>silu(gate) ⊙ up of rows [rows, 2 · columns] that hold gate, then up.</summary>
    SwiGlu,

    /// <summary>See <see cref="Kernels.Gelu"/>.</summary>
    Gelu,
}
