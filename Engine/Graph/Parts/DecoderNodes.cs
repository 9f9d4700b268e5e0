using System.Collections.Immutable;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph.Parts;

/// <summary>What the parts of a decoder share: the graph they add to, and nodes that several of them add.</summary>
internal sealed class DecoderNodes(
    GraphBuilder graph, DecoderConfiguration configuration, LinearFormat linear, PackedFormat packed, WeightLoader loader)
{
    public GraphBuilder Graph => graph;

    public DecoderConfiguration Configuration => configuration;

    public WeightLoader Loader => loader;

    /// <summary>The form of our own kernels' matrices in the chosen weight format.</summary>
    public PackedFormat Packed => packed;

    /// <summary>Adds x · weightsᵀ + bias in the chosen weight format.</summary>
    /// <param name="name">Prefix of the constants' names.</param>
    public string AddLinear(string name, string input, LinearTensors<TensorView> tensors) =>
        linear.Add(graph, name, input, new WeightMatrix(tensors.Weight), AddBias(name, tensors));

    /// <summary>Adds (silu(gate) ⊙ up) · weightsᵀ + bias in the chosen weight format.</summary>
    /// <param name="name">Prefix of the constants' names.</param>
    public string AddGatedLinear(string name, string gateUp, LinearTensors<TensorView> tensors) =>
        linear.AddGated(graph, name, gateUp, new WeightMatrix(tensors.Weight), AddBias(name, tensors));

    /// <param name="epsilon">Null: the configuration's.</param>
    public string AddNorm(string name, string input, NormTensors<TensorView> norm, float? epsilon = null) => graph.Node(
        GraphBuilder.Standard,
        norm.Bias is null ? "SimplifiedLayerNormalization" : "LayerNormalization",
        [input, .. AddNormVectors(name, norm)],
        new NodeAttribute("axis", -1),
        new NodeAttribute("epsilon", epsilon ?? configuration.NormEpsilon),
        new NodeAttribute("stash_type", (long)TensorElement.F32));

    /// <summary>Adds to the residual stream and norms the sum, in one operator.</summary>
    /// <returns>The normed sum, and the residual stream that goes on: the sum, or where the configuration says so the scaled normed sum.</returns>
    public (string Normed, string Residual) AddResidualNorm(string name, string input, string residual, NormTensors<TensorView> norm)
    {
        (string normed, string sum) = (graph.Fresh("normed"), graph.Fresh("residual"));
        graph.Node(
            GraphBuilder.Microsoft,
            norm.Bias is null ? "SkipSimplifiedLayerNormalization" : "SkipLayerNormalization",
            [input, residual, .. AddNormVectors(name, norm)],
            [normed, "", "", sum],
            new NodeAttribute("epsilon", configuration.NormEpsilon));
        return (normed, AddResidualScale(normed, sum));
    }

    /// <summary>The residual stream after a norm.</summary>
    public unsafe string AddResidualScale(string normed, string sum)
    {
        if (configuration.ResidualScale is not float scale)
        {
            return sum;
        }

        string factor = graph.Constant(graph.Fresh("residual_scale"), TensorElement.F32, [], (nint)(&scale), sizeof(float));
        return graph.Node(GraphBuilder.Standard, "Mul", [normed, factor]);
    }

    private string[] AddNormVectors(string name, NormTensors<TensorView> norm) => norm.Bias is null
        ? [AddVector(name, [norm.Weight])]
        : [AddVector(name, [norm.Weight]), AddVector($"{name}_bias", [norm.Bias])];

    /// <summary>Adds the rotary tables, each [positions, rotaryDim / 2].</summary>
    /// <returns>Names of the cosines and the sines.</returns>
    public (string Cosines, string Sines) AddRotaryTables(int positions)
    {
        (PageMemory cosines, PageMemory sines) =
            RotaryTable.Create(positions, configuration.RotaryDim, configuration.RotaryBase, configuration.RotaryScaling);
        ReadOnlySpan<long> shape = [positions, configuration.RotaryDim / 2];
        return (graph.Constant("cosines", TensorElement.F32, shape, cosines), graph.Constant("sines", TensorElement.F32, shape, sines));
    }

    /// <summary>Adds a vector, given in parts, as f32.</summary>
    public string AddVector(string name, ImmutableArray<TensorView> parts) =>
        graph.Constant(name, TensorElement.F32, [parts.Sum(part => part.Shape[0])], loader.ToFloat(parts));

    private string? AddBias(string name, LinearTensors<TensorView> tensors) =>
        tensors.Bias.IsEmpty ? null : AddVector($"{name}_bias", tensors.Bias);
}
