using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Kernels.Experts;

namespace GlmCluster.Engine.Graph.Parts;

/// <summary>The feed-forward of a layer, of the kind that its tensors say.</summary>
internal sealed class FeedForwardPart(DecoderNodes nodes)
{
    /// <param name="name">Prefix of the constants' names.</param>
    /// <param name="normed">Shape (rows, hidden).</param>
    /// <returns>Shape (rows, hidden).</returns>
    public string Add(string name, FeedForwardTensors<TensorView> tensors, string normed) => tensors switch
    {
        GatedFeedForwardTensors<TensorView> gated => AddGated(name, gated, normed),
        PlainFeedForwardTensors<TensorView> plain => AddPlain(name, plain, normed),
        ExpertFeedForwardTensors<TensorView> experts => AddExperts(name, experts, normed),
        _ => throw new ArgumentException($"There is no part for {tensors.GetType().Name}.", nameof(tensors)),
    };

    /// <summary>down · (silu(gate) ⊙ up).</summary>
    private string AddGated(string name, GatedFeedForwardTensors<TensorView> tensors, string normed)
    {
        string gateUp = nodes.AddLinear($"{name}.gate_up", normed, tensors.GateUp);
        return nodes.AddGatedLinear($"{name}.down", gateUp, tensors.Down);
    }

    /// <summary>down · gelu(up); FastGelu is the form with tanh.</summary>
    private string AddPlain(string name, PlainFeedForwardTensors<TensorView> tensors, string normed)
    {
        string up = nodes.AddLinear($"{name}.up", normed, tensors.Up);
        string activated = nodes.Graph.Node(GraphBuilder.Microsoft, "FastGelu", [up]);
        return nodes.AddLinear($"{name}.down", activated, tensors.Down);
    }

    private string AddExperts(string name, ExpertFeedForwardTensors<TensorView> tensors, string normed)
    {
        GraphBuilder graph = nodes.Graph;
        ExpertConfiguration experts = nodes.Configuration.Experts!;
        string router = new FloatLinear(nodes.Loader).Add(graph, $"{name}.router", normed, new WeightMatrix(tensors.Router), bias: null);
        string correction = nodes.AddVector($"{name}.router_correction", [tensors.Correction]);
        (string gateUp, string gateUpScales) =
            nodes.Packed.Add(graph, $"{name}.experts_gate_up", [.. tensors.Experts.Select(expert => new WeightMatrix(expert.GateUp.Weight))]);
        (string down, string downScales) =
            nodes.Packed.Add(graph, $"{name}.experts_down", [.. tensors.Experts.Select(expert => new WeightMatrix(expert.Down.Weight))]);
        string routed = graph.Node(
            GraphBuilder.Own,
            ExpertFeedForwardOperator.OperatorName,
            [normed, router, correction, gateUp, gateUpScales, down, downScales],
            new NodeAttribute("experts", experts.Count),
            new NodeAttribute("experts_per_token", experts.PerToken),
            new NodeAttribute("groups", experts.Groups),
            new NodeAttribute("top_groups", experts.TopGroups),
            new NodeAttribute("normalizes_weights", experts.NormalizesWeights ? 1 : 0),
            new NodeAttribute("weight_scale", experts.WeightScale),
            new NodeAttribute("element", (long)nodes.Packed.Element),
            new NodeAttribute("scale_columns", nodes.Packed.ScaleColumns));
        return tensors.Shared is { } shared
            ? graph.Node(GraphBuilder.Standard, "Add", [routed, AddGated($"{name}.shared", shared, normed)])
            : routed;
    }
}
