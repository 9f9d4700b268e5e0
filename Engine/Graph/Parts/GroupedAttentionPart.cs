using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph.Parts;

/// <summary>Causal attention of head groups over paged keys and values: one product for q, k and v, then <see cref="PagedAttentionOperator"/>.</summary>
internal sealed class GroupedAttentionPart(DecoderNodes nodes) : AttentionPart
{
    private const string Cosines = "cosines";
    private const string Sines = "sines";

    private readonly DecoderConfiguration _configuration = nodes.Configuration;

    public override void AddInputs(LayerRange layers, int positions, int blocks, KvFormat kvFormat)
    {
        for (int layer = layers.First; layer < layers.End; layer++)
        {
            AddCache(DecoderGraph.KeyCache(layer), blocks, kvFormat);
            AddCache(DecoderGraph.ValueCache(layer), blocks, kvFormat);
        }

        (PageMemory cosines, PageMemory sines) = RotaryTable.Create(
            positions, _configuration.RotaryDim, _configuration.RotaryBase, _configuration.RotaryScaling);
        nodes.Graph.Constant(Cosines, TensorElement.F32, [positions, _configuration.RotaryDim / 2], cosines);
        nodes.Graph.Constant(Sines, TensorElement.F32, [positions, _configuration.RotaryDim / 2], sines);
    }

    public override string Add(int layer, AttentionTensors<TensorView> tensors, string normed)
    {
        var grouped = (GroupedAttentionTensors<TensorView>)tensors;
        string packed = nodes.AddLinear($"layers.{layer}.qkv", normed, grouped.QueryKeyValue);
        if (grouped is { QueryNorm: { } queryNorm, KeyNorm: { } keyNorm })
        {
            packed = AddHeadNorms($"layers.{layer}", packed, queryNorm, keyNorm);
        }

        return nodes.Graph.Node(
            GraphBuilder.Microsoft,
            PagedAttentionOperator.OperatorName,
            [
                packed, "", "", DecoderGraph.KeyCache(layer), DecoderGraph.ValueCache(layer),
                DecoderGraph.CumulativeLengths, DecoderGraph.PastLengths, DecoderGraph.BlockTable, Cosines, Sines,
            ],
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

    private void AddCache(string name, int blocks, KvFormat format) =>
        nodes.Graph.Input(
            name, format.Element(), blocks, AttentionShape.PageTokens, _configuration.KvHeads, format.TokenElements(_configuration.HeadDim));
}
