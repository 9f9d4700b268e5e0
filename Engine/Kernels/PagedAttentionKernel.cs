using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>One <see cref="PagedAttentionOperator"/> node: reads the tensors and spreads the work over ONNX Runtime's threads.</summary>
internal unsafe class PagedAttentionKernel(int heads, int kvHeads, bool rotatesHalves, KvFormat format, SimdWidth width, int workers) : OperatorKernel
{
    /// <summary>Waking threads takes about as long as so many products.</summary>
    private const long SerialWork = 1 << 18;

    private PagedAttention? _attention;
    private AttentionShape _shape;
    private AttentionPhase _phase;
    private int _unitCount;
    private int _nextUnit;

    protected override void Compute(KernelContext context)
    {
        KernelTensor packed = context.Input(0);
        KernelTensor blockTable = context.Input(7);
        KernelTensor cosines = context.Input(8);
        PagedAttention attention = AttentionFor(packed.Shape, 2 * (int)cosines.Shape[1]);
        int tokens = (int)packed.Shape[0];
        AttentionStep step = new()
        {
            QueryKeyValue = (float*)packed.Data,
            Output = (float*)context.Output(0, [tokens, heads * _shape.HeadDim]),
            KeyCache = (byte*)context.Input(3).Data,
            ValueCache = (byte*)context.Input(4).Data,
            CumulativeLengths = (int*)context.Input(5).Data,
            PastLengths = (int*)context.Input(6).Data,
            BlockTable = (int*)blockTable.Data,
            Cosines = (float*)cosines.Data,
            Sines = (float*)context.Input(9).Data,
            Tokens = tokens,
            Sequences = (int)blockTable.Shape[0],
            TableWidth = (int)blockTable.Shape[1],
        };
        ReadMore(context, ref step);
        RunStep(context, attention, step);
    }

    /// <summary>Runs all phases of a step.</summary>
    protected void RunStep(KernelContext context, PagedAttention attention, in AttentionStep step)
    {
        attention.Begin(step);
        bool isSerial = workers == 1 || attention.Work < SerialWork;
        for (AttentionPhase phase = AttentionPhase.Append; phase <= AttentionPhase.Combine; phase++)
        {
            RunPhase(context, attention, phase, isSerial);
        }
    }

    /// <summary>Reads inputs that only this kind of attention has.</summary>
    protected virtual void ReadMore(KernelContext context, ref AttentionStep step)
    {
    }

    protected virtual PagedAttention CreateAttention(AttentionShape shape) => new(shape, format, width, workers);

    protected override void Work(int share)
    {
        for (int unit = Interlocked.Increment(ref _nextUnit) - 1; unit < _unitCount; unit = Interlocked.Increment(ref _nextUnit) - 1)
        {
            _attention!.Run(_phase, unit, share);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _attention?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void RunPhase(KernelContext context, PagedAttention attention, AttentionPhase phase, bool isSerial)
    {
        _phase = phase;
        _unitCount = attention.Count(phase);
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

    /// <summary>Head width and rotary width are known from the first run's tensors on.</summary>
    /// <param name="packed">Shape of packed q, k and v.</param>
    /// <param name="rotaryDim">Dimensions of a head that are rotated.</param>
    protected PagedAttention AttentionFor(ReadOnlySpan<long> packed, int rotaryDim)
    {
        if (_attention is null)
        {
            _shape = new AttentionShape(heads, kvHeads, (int)packed[1] / (heads + (2 * kvHeads)), rotaryDim, rotatesHalves);
            _attention = CreateAttention(_shape);
        }

        return _attention;
    }
}
