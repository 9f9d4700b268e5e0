using System.Collections.Immutable;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Graph.Experts;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph.Parts;

/// <summary>What the parts of a decoder share: the graph they add to, and nodes that several of them add.</summary>
internal sealed class DecoderNodes(
    GraphBuilder graph, DecoderConfiguration configuration, LinearFormat linear, ExpertFormat experts, WeightLoader loader)
{
    public GraphBuilder Graph => graph;

    public DecoderConfiguration Configuration => configuration;

    public WeightLoader Loader => loader;

    /// <summary>The form of experts' matrices in the chosen weight format.</summary>
    public ExpertFormat Experts => experts;

    /// <summary>Adds x · weightsᵀ + bias in the chosen weight format.</summary>
    /// <param name="name">Prefix of the constants' names.</param>
    public string AddLinear(string name, string input, LinearTensors<TensorView> tensors) =>
        linear.Add(graph, name, input, new WeightMatrix(tensors.Weight), AddBias(name, tensors));

    /// <summary>Adds (silu(gate) ⊙ up) · weightsᵀ + bias in the chosen weight format.</summary>
    /// <param name="name">Prefix of the constants' names.</param>
    public string AddGatedLinear(string name, string gateUp, LinearTensors<TensorView> tensors) =>
        linear.AddGated(graph, name, gateUp, new WeightMatrix(tensors.Weight), AddBias(name, tensors));

    public string AddNorm(string name, string input, NormTensors<TensorView> norm) => graph.Node(
        GraphBuilder.Standard,
        "SimplifiedLayerNormalization",
        [input, AddVector(name, [norm.Weight])],
        new NodeAttribute("axis", -1),
        new NodeAttribute("epsilon", configuration.NormEpsilon),
        new NodeAttribute("stash_type", (long)TensorElement.F32));

    /// <summary>Adds to the residual stream and norms the sum, in one operator.</summary>
    public (string Normed, string Residual) AddResidualNorm(string name, string input, string residual, NormTensors<TensorView> norm)
    {
        (string normed, string sum) = (graph.Fresh("normed"), graph.Fresh("residual"));
        graph.Node(
            GraphBuilder.Microsoft,
            "SkipSimplifiedLayerNormalization",
            [input, residual, AddVector(name, [norm.Weight])],
            [normed, "", "", sum],
            new NodeAttribute("epsilon", configuration.NormEpsilon));
        return (normed, sum);
    }

    /// <summary>Adds a vector, given in parts, as f32.</summary>
    public string AddVector(string name, ImmutableArray<TensorView> parts) =>
        graph.Constant(name, TensorElement.F32, [parts.Sum(part => part.Shape[0])], loader.ToFloat(parts));

    private string? AddBias(string name, LinearTensors<TensorView> tensors) =>
        tensors.Bias.IsEmpty ? null : AddVector($"{name}_bias", tensors.Bias);
}
