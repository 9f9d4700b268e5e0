using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Graph;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Kernels.Experts;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Devices;

/// <summary>The processor: attention and quantising are our own kernels.</summary>
internal sealed class CpuDevice(OnnxRuntimeLibrary library) : ComputeDevice
{
    public override int BlockTokens => AttentionShape.PageTokens;

    public override OnnxSessionOptions CreateSessionOptions(int threads, KvFormat kvFormat)
    {
        var options = new OnnxSessionOptions(library.Api, threads);
        options.Add(new CustomOperatorDomain(library.Api, GraphBuilder.Microsoft, new PagedAttentionOperator(kvFormat, SimdWidths.Widest, threads)));
        options.Add(new CustomOperatorDomain(
            library.Api,
            GraphBuilder.Own,
            new QuantizeRowsOperator(SimdWidths.Widest, threads),
            new SwiGluOperator(SimdWidths.Widest, threads),
            new GeluOperator(SimdWidths.Widest, threads),
            new AddNormOperator(SimdWidths.Widest, threads),
            new EncoderAttentionOperator(SimdWidths.Widest, threads),
            new Int4MatMulOperator(SimdWidths.Widest, threads),
            new NormHeadsOperator(SimdWidths.Widest),
            new PrefixAttentionOperator(kvFormat, SimdWidths.Widest, threads),
            new LatentAttentionOperator(kvFormat, SimdWidths.Widest, threads),
            new ExpertFeedForwardOperator(SimdWidths.Widest, threads)));
        return options;
    }

    public override LinearFormat CreateLinear(WeightFormat format, WeightLoader loader) => format switch
    {
        WeightFormat.F32 => new FloatLinear(loader),
        WeightFormat.Int8 => new Int8Linear(loader, Int8Probe.Choose(library)),
        _ when format.BlockColumns() is int block => new Int4Linear(loader, block),
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "No such format."),
    };
}
