using System.Collections.Immutable;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels.Experts;

/// <summary>A mixture of experts: routing and the chosen experts' gated feed-forwards. See <see cref="ExpertFeedForward"/>.</summary>
/// <param name="width">Vector width of the kernels.</param>
/// <param name="workers">Threads of the session.</param>
internal sealed class ExpertFeedForwardOperator(SimdWidth width, int workers) : CustomOperator
{
    public const string OperatorName = "ExpertFeedForward";

    public override string Name => OperatorName;

    public override ImmutableArray<OperatorPort> Inputs { get; } =
    [
        new(TensorElement.F32), // tokens [tokens, hidden]
        new(TensorElement.F32), // router logits [tokens, experts]
        new(TensorElement.F32), // correction of the choice [experts]
        new(TensorElement.U8), // gate and up rows [experts, 2·width, row bytes]
        new(TensorElement.F32), // their scales [experts, 2·width, scales of a row]
        new(TensorElement.U8), // down rows [experts, hidden, row bytes]
        new(TensorElement.F32), // their scales [experts, hidden, scales of a row]
    ];

    public override ImmutableArray<OperatorPort> Outputs { get; } = [new(TensorElement.F32)];

    public override OperatorKernel CreateKernel(KernelAttributes attributes)
    {
        var shape = new RoutingShape(
            attributes.Integer("experts"),
            attributes.Integer("experts_per_token"),
            attributes.Integer("groups"),
            attributes.Integer("top_groups"),
            attributes.Integer("normalizes_weights") != 0,
            attributes.Float("weight_scale"));
        return new ExpertFeedForwardKernel(shape, (PackedElement)attributes.Integer("element"), attributes.Integer("scale_columns"), width, workers);
    }
}

/// <summary>One <see cref="ExpertFeedForwardOperator"/> node: reads the tensors and spreads the work over ONNX Runtime's threads.</summary>
internal sealed unsafe class ExpertFeedForwardKernel(RoutingShape shape, PackedElement element, int scaleColumns, SimdWidth width, int workers)
    : OperatorKernel
{
    /// <summary>Waking threads takes about as long as so many products.</summary>
    private const long SerialWork = 1 << 18;

    private readonly ExpertFeedForward _experts = new(shape, width, workers);
    private ExpertPhase _phase;
    private int _unitCount;
    private int _nextUnit;

    protected override void Compute(KernelContext context)
    {
        KernelTensor input = context.Input(0);
        (int tokens, int hidden) = ((int)input.Shape[0], (int)input.Shape[1]);
        KernelTensor gateUp = context.Input(3);
        int expertWidth = (int)gateUp.Shape[1] / 2;
        _experts.Begin(new ExpertStep
        {
            Input = (float*)input.Data,
            RouterLogits = (float*)context.Input(1).Data,
            Correction = (float*)context.Input(2).Data,
            GateUp = Matrix(gateUp, context.Input(4), hidden),
            Down = Matrix(context.Input(5), context.Input(6), expertWidth),
            Output = (float*)context.Output(0, [tokens, hidden]),
            Tokens = tokens,
        });

        bool isSerial = workers == 1 || _experts.Work < SerialWork;
        for (ExpertPhase phase = ExpertPhase.GateUp; phase <= ExpertPhase.Down; phase++)
        {
            RunPhase(context, phase, isSerial);
        }
    }

    protected override void Work(int share)
    {
        for (int unit = Interlocked.Increment(ref _nextUnit) - 1; unit < _unitCount; unit = Interlocked.Increment(ref _nextUnit) - 1)
        {
            _experts.Run(_phase, unit, share);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _experts.Dispose();
        }

        base.Dispose(disposing);
    }

    private void RunPhase(KernelContext context, ExpertPhase phase, bool isSerial)
    {
        _phase = phase;
        _unitCount = _experts.Count(phase);
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

    private PackedMatrix Matrix(KernelTensor values, KernelTensor scales, int columns) => new()
    {
        Element = element,
        Values = (byte*)values.Data,
        Scales = (float*)scales.Data,
        Rows = (int)values.Shape[1],
        Columns = columns,
        RowScales = (int)scales.Shape[2],
        ScaleColumns = scaleColumns,
    };
}
