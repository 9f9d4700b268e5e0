using GlmCluster.Checkpoints.Weights;

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
        _ => throw new ArgumentException($"There is no part for {tensors.GetType().Name}.", nameof(tensors)),
    };

    /// <summary>down · (silu(gate) ⊙ up); QuickGelu with alpha 1 is SiLU.</summary>
    private string AddGated(string name, GatedFeedForwardTensors<TensorView> tensors, string normed)
    {
        GraphBuilder graph = nodes.Graph;
        string gateUp = nodes.AddLinear($"{name}.gate_up", normed, tensors.GateUp);
        (string gate, string up) = (graph.Fresh("gate"), graph.Fresh("up"));
        graph.Node(GraphBuilder.Standard, "Split", [gateUp], [gate, up], new NodeAttribute("axis", -1), new NodeAttribute("num_outputs", 2));
        string activated = graph.Node(GraphBuilder.Microsoft, "QuickGelu", [gate], new NodeAttribute("alpha", 1f));
        string gated = graph.Node(GraphBuilder.Standard, "Mul", [activated, up]);
        return nodes.AddLinear($"{name}.down", gated, tensors.Down);
    }
}
