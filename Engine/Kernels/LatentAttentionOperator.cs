using System.Collections.Immutable;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>Causal multi-head latent attention over a paged cache of latent rows. See <see cref="LatentAttention"/>.</summary>
/// <param name="format">Of the cache.</param>
/// <param name="width">Vector width of the kernels.</param>
/// <param name="workers">Threads of the session.</param>
internal sealed class LatentAttentionOperator(KvFormat format, SimdWidth width, int workers) : CustomOperator
{
    public const string OperatorName = "LatentAttention";

    public override string Name => OperatorName;

    public override ImmutableArray<OperatorPort> Inputs { get; } =
    [
        new(TensorElement.F32), // queries [tokens, heads·(plain + rotary)]
        new(TensorElement.F32), // latent rows and keys [tokens, latent + rotary]
        new(TensorElement.F32), // weight of the latent norm [latent]
        new(TensorElement.U8), // rows of keys and values per head [1, heads·(plain + value), row bytes]
        new(TensorElement.F32), // their scales
        new(format.Element()), // cache [blocks, 32, 1, latent + rotary]
        new(TensorElement.I32), // cumulative sequence lengths
        new(TensorElement.I32), // past lengths
        new(TensorElement.I32), // block table
        new(TensorElement.F32), // cosines [positions, rotary / 2]
        new(TensorElement.F32), // sines
    ];

    public override ImmutableArray<OperatorPort> Outputs { get; } = [new(TensorElement.F32)];

    public override OperatorKernel CreateKernel(KernelAttributes attributes)
    {
        var latent = new LatentShape(
            attributes.Integer("latent_width"), attributes.Integer("plain_dim"), attributes.Integer("rotary_dim"), attributes.Integer("value_dim"));
        int heads = attributes.Integer("num_heads");
        return new LatentAttentionKernel(
            LatentAttention.Create(heads, latent, attributes.Integer("rotary_interleaved") == 0, format, width, workers),
            heads,
            latent,
            new PackedMatrix { Element = (PackedElement)attributes.Integer("element"), ScaleColumns = attributes.Integer("scale_columns") },
            attributes.Float("epsilon"),
            workers);
    }
}

/// <summary>One <see cref="LatentAttentionOperator"/> node: reads the tensors and spreads the work over ONNX Runtime's threads.</summary>
internal sealed unsafe class LatentAttentionKernel(
    LatentAttention attention, int heads, LatentShape latent, PackedMatrix keyValueUp, float epsilon, int workers) : OperatorKernel
{
    /// <summary>Waking threads takes about as long as so many products.</summary>
    private const long SerialWork = 1 << 18;

    private enum Phase
    {
        Absorb,
        Append,
        Attend,
        Combine,
        Expand,
    }

    private Phase _phase;
    private int _unitCount;
    private int _nextUnit;

    protected override void Compute(KernelContext context)
    {
        int tokens = (int)context.Input(0).Shape[0];
        KernelTensor blockTable = context.Input(8);
        KernelTensor up = context.Input(3);
        PackedMatrix matrix = keyValueUp;
        matrix.Values = (byte*)up.Data;
        matrix.Scales = (float*)context.Input(4).Data;
        matrix.RowScales = (int)context.Input(4).Shape[2];
        (matrix.Rows, matrix.Columns) = ((int)up.Shape[1], latent.LatentWidth);
        attention.BeginLatent(
            new AttentionStep
            {
                KeyCache = (byte*)context.Input(5).Data,
                ValueCache = (byte*)context.Input(5).Data,
                CumulativeLengths = (int*)context.Input(6).Data,
                PastLengths = (int*)context.Input(7).Data,
                BlockTable = (int*)blockTable.Data,
                Cosines = (float*)context.Input(9).Data,
                Sines = (float*)context.Input(10).Data,
                Tokens = tokens,
                Sequences = (int)blockTable.Shape[0],
                TableWidth = (int)blockTable.Shape[1],
            },
            new LatentStep
            {
                Queries = (float*)context.Input(0).Data,
                KeyValue = (float*)context.Input(1).Data,
                KeyValueNorm = (float*)context.Input(2).Data,
                NormEpsilon = epsilon,
                KeyValueUp = matrix,
                Output = (float*)context.Output(0, [tokens, heads * latent.ValueDim]),
            });

        long projections = (long)tokens * heads * latent.LatentWidth * (latent.PlainDim + latent.ValueDim);
        bool isSerial = workers == 1 || attention.Work + projections < SerialWork;
        for (Phase phase = Phase.Absorb; phase <= Phase.Expand; phase++)
        {
            RunPhase(context, phase, isSerial);
        }
    }

    protected override void Work(int share)
    {
        for (int unit = Interlocked.Increment(ref _nextUnit) - 1; unit < _unitCount; unit = Interlocked.Increment(ref _nextUnit) - 1)
        {
            switch (_phase)
            {
                case Phase.Absorb:
                    attention.Absorb(unit, share);
                    break;
                case Phase.Expand:
                    attention.Expand(unit, share);
                    break;
                default:
                    attention.Run(Paged(_phase), unit, share);
                    break;
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            attention.Dispose();
        }

        base.Dispose(disposing);
    }

    private void RunPhase(KernelContext context, Phase phase, bool isSerial)
    {
        _phase = phase;
        _unitCount = phase is Phase.Absorb or Phase.Expand ? attention.ProjectionCount : attention.Count(Paged(phase));
        _nextUnit = 0;
        if (isSerial || _unitCount <= 1)
        {
            Work(0);
        }
        else
        {
            Share(context, Math.Min(workers, _unitCount));
        }
    }

    private static AttentionPhase Paged(Phase phase) => phase - Phase.Append + AttentionPhase.Append;
}
