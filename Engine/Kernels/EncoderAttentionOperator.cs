using System.Collections.Immutable;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>Attention within each of some texts that are packed one after the other. See <see cref="EncoderAttention"/>.</summary>
/// <param name="width">Vector width of the kernels.</param>
/// <param name="workers">Threads of the session.</param>
internal sealed class EncoderAttentionOperator(SimdWidth width, int workers) : CustomOperator
{
    public const string OperatorName = "EncoderAttention";

    public override string Name => OperatorName;

    public override ImmutableArray<OperatorPort> Inputs { get; } =
    [
        new(TensorElement.F32), // q, k and v packed [tokens, 3·hidden]
        new(TensorElement.I32), // start of each text, and the end of the last
    ];

    public override ImmutableArray<OperatorPort> Outputs { get; } = [new(TensorElement.F32)];

    public override OperatorKernel CreateKernel(KernelAttributes attributes) =>
        new EncoderAttentionKernel(attributes.Integer("num_heads"), width, workers);
}

/// <summary>One <see cref="EncoderAttentionOperator"/> node.</summary>
internal sealed unsafe class EncoderAttentionKernel(int heads, SimdWidth width, int workers)
    : PagedAttentionKernel(heads, heads, rotatesHalves: false, KvFormat.F32, width, workers)
{
    private const int PageTokens = AttentionShape.PageTokens;

    private readonly SimdWidth _width = width;
    private readonly int _workers = workers;
    private readonly ScratchMemory _keys = new();
    private readonly ScratchMemory _values = new();
    private readonly ScratchMemory _integers = new();

    protected override void Compute(KernelContext context)
    {
        KernelTensor packed = context.Input(0);
        KernelTensor starts = context.Input(1);
        (int tokens, int hidden) = ((int)packed.Shape[0], (int)packed.Shape[1] / 3);
        AttentionStep step = new()
        {
            QueryKeyValue = (float*)packed.Data,
            Output = (float*)context.Output(0, [tokens, hidden]),
            CumulativeLengths = (int*)starts.Data,
            Tokens = tokens,
            Sequences = (int)starts.Shape[0] - 1,
        };
        long floats = (long)LayOut(ref step) * PageTokens * hidden;
        step.KeyCache = (byte*)_keys.Take<float>(floats);
        step.ValueCache = (byte*)_values.Take<float>(floats);
        RunStep(context, AttentionFor(packed.Shape, rotaryDim: 0), step);
    }

    protected override PagedAttention CreateAttention(AttentionShape shape) => new EncoderAttention(shape, _width, _workers);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _keys.Dispose();
            _values.Dispose();
            _integers.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Gives every text pages of its own, and says that all its tokens are its prefix.</summary>
    /// <returns>Pages of a head.</returns>
    private int LayOut(ref AttentionStep step)
    {
        int longest = 0;
        for (int text = 0; text < step.Sequences; text++)
        {
            longest = Math.Max(longest, step.CumulativeLengths[text + 1] - step.CumulativeLengths[text]);
        }

        step.TableWidth = (longest + PageTokens - 1) / PageTokens;
        int* integers = _integers.Take<int>((long)step.Sequences * (step.TableWidth + 2));
        step.PastLengths = integers;
        step.PrefixLengths = integers + step.Sequences;
        step.BlockTable = integers + (2 * step.Sequences);
        int pages = 0;
        for (int text = 0; text < step.Sequences; text++)
        {
            int length = step.CumulativeLengths[text + 1] - step.CumulativeLengths[text];
            (step.PastLengths[text], step.PrefixLengths[text]) = (0, length);
            for (int page = 0; page * PageTokens < length; page++)
            {
                step.BlockTable[(text * step.TableWidth) + page] = pages++;
            }
        }

        return pages;
    }
}
