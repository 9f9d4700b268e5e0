using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Kernels;

namespace GlmCluster.Engine.Graph.Parts;

/// <summary>Attention of head groups over paged keys and values: one product for q, k and v, then <see cref="PagedAttentionOperator"/>,
/// or <see cref="PrefixAttentionOperator"/> where prompts see themselves whole.</summary>
internal sealed class GroupedAttentionPart(DecoderNodes nodes) : AttentionPart
{
    private readonly DecoderConfiguration _configuration = nodes.Configuration;
    private string _cosines = "";
    private string _sines = "";

    public override void AddTables(int positions) => (_cosines, _sines) = nodes.AddRotaryTables(positions);

    public override string Add(int layer, AttentionTensors<TensorView> tensors, string normed)
    {
        var grouped = (GroupedAttentionTensors<TensorView>)tensors;
        string packed = nodes.AddLinear($"layers.{layer}.qkv", normed, grouped.QueryKeyValue);
        if (grouped is { QueryNorm: { } queryNorm, KeyNorm: { } keyNorm })
        {
            packed = AddHeadNorms($"layers.{layer}", packed, queryNorm, keyNorm);
        }

        string[] inputs =
        [
            packed, "", "", KvCacheLayout.Keys(layer), KvCacheLayout.Values(layer),
            DecoderGraph.CumulativeLengths, DecoderGraph.PastLengths, DecoderGraph.BlockTable, _cosines, _sines,
        ];
        if (_configuration.Prefix is not null)
        {
            return nodes.Graph.Node(
                GraphBuilder.Own,
                PrefixAttentionOperator.OperatorName,
                [.. inputs, DecoderGraph.PrefixLengths, DecoderGraph.MaskPositions],
                new NodeAttribute("num_heads", _configuration.Heads));
        }

        return nodes.Graph.Node(
            GraphBuilder.Microsoft,
            PagedAttentionOperator.OperatorName,
            inputs,
            new NodeAttribute("num_heads", _configuration.Heads),
            new NodeAttribute("kv_num_heads", _configuration.KvHeads),
            new NodeAttribute("do_rotary", 1),
            new NodeAttribute("rotary_interleaved", _configuration.RotaryPairing == RotaryPairing.Interleaved ? 1 : 0));
    }

    private string AddHeadNorms(string name, string packed, NormTensors<TensorView> queryNorm, NormTensors<TensorView> keyNorm) => nodes.Graph.Node(
        GraphBuilder.Own,
        NormHeadsOperator.OperatorName,
        [packed, nodes.AddVector($"{name}.query_norm", [queryNorm.Weight]), nodes.AddVector($"{name}.key_norm", [keyNorm.Weight])],
        new NodeAttribute("num_heads", _configuration.Heads),
        new NodeAttribute("kv_num_heads", _configuration.KvHeads),
        new NodeAttribute("epsilon", _configuration.NormEpsilon));
}
