using System.Collections.Immutable;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>Attention over sequences that begin with a prefix whose tokens see all of it. See <see cref="PrefixAttention"/>.</summary>
/// <remarks>Inputs as of <see cref="PagedAttentionOperator"/>, and two more.</remarks>
/// <param name="format">Of the key and value caches.</param>
/// <param name="width">Vector width of the kernels.</param>
/// <param name="workers">Threads of the session.</param>
internal sealed class PrefixAttentionOperator(KvFormat format, SimdWidth width, int workers) : CustomOperator
{
    public const string OperatorName = "PrefixAttention";

    public override string Name => OperatorName;

    public override ImmutableArray<OperatorPort> Inputs { get; } =
    [
        .. new PagedAttentionOperator(format, width, workers).Inputs,
        new(TensorElement.I32), // prefix lengths
        new(TensorElement.I32), // mask positions
    ];

    public override ImmutableArray<OperatorPort> Outputs { get; } = [new(TensorElement.F32)];

    public override OperatorKernel CreateKernel(KernelAttributes attributes) =>
        new PrefixAttentionKernel(attributes.Integer("num_heads"), format, width, workers);
}

/// <summary>One <see cref="PrefixAttentionOperator"/> node.</summary>
internal sealed unsafe class PrefixAttentionKernel(int heads, KvFormat format, SimdWidth width, int workers)
    : PagedAttentionKernel(heads, heads, rotatesHalves: true, format, width, workers)
{
    private readonly KvFormat _format = format;
    private readonly SimdWidth _width = width;
    private readonly int _workers = workers;

    protected override void ReadMore(KernelContext context, ref AttentionStep step)
    {
        step.PrefixLengths = (int*)context.Input(10).Data;
        step.MaskPositions = (int*)context.Input(11).Data;
    }

    protected override PagedAttention CreateAttention(AttentionShape shape) => new PrefixAttention(shape, _format, _width, _workers);
}
