using System.Collections.Immutable;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>
/// <c>com.microsoft.PagedAttention</c> for the CPU. ONNX Runtime has the operator's schema but no CPU kernel for it, so graphs for CPU
/// and CUDA have the same node.
/// </summary>
/// <remarks>
/// Inputs and attributes: <c>ContribOperators.md</c> of ONNX Runtime. Cache pages are laid out as <see cref="AttentionShape"/> says.
/// </remarks>
/// <param name="format">Of the key and value caches.</param>
/// <param name="width">Vector width of the kernels.</param>
/// <param name="workers">Threads of the session.</param>
internal sealed class PagedAttentionOperator(KvFormat format, SimdWidth width, int workers) : CustomOperator
{
    public const string OperatorName = "PagedAttention";

    public override string Name => OperatorName;

    public override ImmutableArray<OperatorPort> Inputs { get; } =
    [
        new(TensorElement.F32), // q, k and v packed
        new(TensorElement.F32, IsOptional: true), // key
        new(TensorElement.F32, IsOptional: true), // value
        new(format.Element()), // key cache
        new(format.Element()), // value cache
        new(TensorElement.I32), // cumulative sequence lengths
        new(TensorElement.I32), // past lengths
        new(TensorElement.I32), // block table
        new(TensorElement.F32), // cosines
        new(TensorElement.F32), // sines
    ];

    public override ImmutableArray<OperatorPort> Outputs { get; } = [new(TensorElement.F32)];

    public override OperatorKernel CreateKernel(KernelAttributes attributes)
    {
        if (attributes.Integer("do_rotary") != 1)
        {
            throw new NotSupportedException("The CPU kernel always rotates.");
        }

        bool rotatesHalves = attributes.Integer("rotary_interleaved") == 0;
        return new PagedAttentionKernel(
            attributes.Integer("num_heads"), attributes.Integer("kv_num_heads"), rotatesHalves, format, width, workers);
    }
}
