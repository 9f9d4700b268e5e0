using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.Graph.Linears;

/// <summary>Quantises every matrix into the loader's store and multiplies nothing: for graphs that are walked through and never built.</summary>
internal sealed class KeptLinear(WeightLoader loader, WeightFormat format) : LinearFormat
{
    public override string Add(GraphBuilder graph, string name, string input, WeightMatrix matrix, string? bias)
    {
        if (format.BlockColumns() is int blockColumns)
        {
            Int4Matrix quantized = loader.QuantizeBlocks(matrix, blockColumns);
            quantized.Values.Dispose();
            quantized.Scales.Dispose();
        }
        else
        {
            Int8Matrix quantized = loader.QuantizeRows(matrix);
            quantized.Values.Dispose();
            quantized.Scales.Dispose();
        }

        return graph.Fresh(name);
    }
}
