using GlmCluster.Engine.Kernels;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>A way to store matrices and multiply by them.</summary>
internal abstract class LinearFormat
{
    /// <summary>Adds y = x · weightsᵀ + bias.</summary>
    /// <param name="name">Prefix of the constants' names.</param>
    /// <param name="input">Shape (rows, matrix columns), f32.</param>
    /// <param name="bias">A constant of shape (matrix rows,), f32; null: none.</param>
    /// <returns>Shape (rows, matrix rows), f32.</returns>
    public abstract string Add(GraphBuilder graph, string name, string input, WeightMatrix matrix, string? bias);

    /// <summary>Adds y = (silu(gate) ⊙ up) · weightsᵀ + bias.</summary>
    /// <param name="gateUp">Shape (rows, 2 · matrix columns), gate then up, f32.</param>
    public virtual string AddGated(GraphBuilder graph, string name, string gateUp, WeightMatrix matrix, string? bias) =>
        Add(graph, name, graph.Node(GraphBuilder.Own, SwiGluOperator.OperatorName, [gateUp]), matrix, bias);

    /// <summary>Adds y = gelu(up) · weightsᵀ + bias.</summary>
    /// <param name="up">Shape (rows, matrix columns), f32.</param>
    public virtual string AddActivated(GraphBuilder graph, string name, string up, WeightMatrix matrix, string? bias) =>
        Add(graph, name, graph.Node(GraphBuilder.Own, GeluOperator.OperatorName, [up]), matrix, bias);
}
