using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Kernels;

namespace GlmCluster.Engine.Graph.Parts;

/// <summary>Latent attention: queries through a narrow row, one latent row for keys and values, then <see cref="LatentAttentionOperator"/>.</summary>
internal sealed class LatentAttentionPart(DecoderNodes nodes) : AttentionPart
{
    private readonly DecoderConfiguration _configuration = nodes.Configuration;
    private string _cosines = "";
    private string _sines = "";

    public override void AddTables(int positions) => (_cosines, _sines) = nodes.AddRotaryTables(positions);

    public override string Add(int layer, AttentionTensors<TensorView> tensors, string normed)
    {
        var latent = (LatentAttentionTensors<TensorView>)tensors;
        LatentConfiguration widths = _configuration.Latent!;
        string name = $"layers.{layer}";
        string narrow = nodes.AddLinear($"{name}.query_down", normed, latent.QueryDown);
        narrow = nodes.AddNorm($"{name}.query_norm", narrow, latent.QueryNorm, LatentConfiguration.NormEpsilon);
        string queries = nodes.AddLinear($"{name}.query_up", narrow, latent.QueryUp);
        string keyValue = nodes.AddLinear($"{name}.key_value_down", normed, latent.KeyValueDown);
        string keyValueNorm = nodes.AddVector($"{name}.key_value_norm", [latent.KeyValueNorm.Weight]);
        (string up, string upScales) = nodes.Packed.Add(nodes.Graph, $"{name}.key_value_up", [new WeightMatrix(latent.KeyValueUp.Weight)]);
        return nodes.Graph.Node(
            GraphBuilder.Own,
            LatentAttentionOperator.OperatorName,
            [
                queries, keyValue, keyValueNorm, up, upScales, KvCacheLayout.Latents(layer),
                DecoderGraph.CumulativeLengths, DecoderGraph.PastLengths, DecoderGraph.BlockTable, _cosines, _sines,
            ],
            new NodeAttribute("num_heads", _configuration.Heads),
            new NodeAttribute("latent_width", widths.LatentWidth),
            new NodeAttribute("plain_dim", widths.PlainDim),
            new NodeAttribute("rotary_dim", widths.RotaryDim),
            new NodeAttribute("value_dim", widths.ValueDim),
            new NodeAttribute("rotary_interleaved", _configuration.RotaryPairing == RotaryPairing.Interleaved ? 1 : 0),
            new NodeAttribute("epsilon", LatentConfiguration.NormEpsilon),
            new NodeAttribute("element", (long)nodes.Packed.Element),
            new NodeAttribute("scale_columns", nodes.Packed.ScaleColumns));
    }
}
