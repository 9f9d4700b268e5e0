using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph;

/// <summary>An encoder over the packed tokens of some texts, [tokens, hidden], without padding.</summary>
/// <remarks>
/// Maths: <c>modeling_bert.py</c> of Hugging Face transformers. Every operator treats rows apart but for attention, which sees one text, so a
/// text's result does not depend on what else is in the step.
/// </remarks>
internal sealed class EncoderGraph(GraphBuilder graph, EncoderConfiguration configuration, LinearFormat linear, WeightLoader loader)
{
    public const string TokenIds = "token_ids";
    public const string Positions = "positions";
    public const string CumulativeLengths = "cumulative_lengths";

    /// <summary>Adds the whole encoder.</summary>
    /// <returns>Name of the output: the tokens' vectors after the last layer, shape (tokens, hidden).</returns>
    public string Add(EncoderTensors<TensorView> tensors)
    {
        graph.Input(TokenIds, TensorElement.I64, -1);
        graph.Input(Positions, TensorElement.I64, -1);
        graph.Input(CumulativeLengths, TensorElement.I32, -1);
        string hidden = AddNorm("embedding_norm", AddWords(tensors.Words), AddPositions(tensors), tensors.EmbeddingNorm);
        for (int i = 0; i < tensors.Layers.Length; i++)
        {
            hidden = AddLayer($"layers.{i}", tensors.Layers[i], hidden);
        }

        graph.Output(hidden, TensorElement.F32, -1, configuration.HiddenSize);
        return hidden;
    }

    private string AddLayer(string name, EncoderLayerTensors<TensorView> layer, string hidden)
    {
        string packed = AddLinear($"{name}.qkv", hidden, layer.QueryKeyValue);
        string attended = graph.Node(
            GraphBuilder.Own,
            EncoderAttentionOperator.OperatorName,
            [packed, CumulativeLengths],
            new NodeAttribute("num_heads", configuration.Heads));
        string output = AddLinear($"{name}.attention_output", attended, layer.AttentionOutput);
        hidden = AddNorm($"{name}.attention_norm", output, hidden, layer.AttentionNorm);
        string up = AddLinear($"{name}.up", hidden, layer.Up);
        string down = linear.AddActivated(graph, $"{name}.down", up, new WeightMatrix(layer.Down.Weight), AddBias($"{name}.down", layer.Down));
        return AddNorm($"{name}.feed_forward_norm", down, hidden, layer.FeedForwardNorm);
    }

    /// <summary>Rows are looked up in the stored type and then widened.</summary>
    private string AddWords(TensorView words)
    {
        loader.Report(words);
        TensorElement element = words.Type switch
        {
            TensorType.F32 => TensorElement.F32,
            TensorType.F16 => TensorElement.F16,
            _ => TensorElement.BF16,
        };
        string table = graph.Constant("words", element, words.Shape.AsSpan(), words.Address, words.ByteLength);
        string rows = graph.Node(GraphBuilder.Standard, "Gather", [table, TokenIds]);
        return element == TensorElement.F32
            ? rows
            : graph.Node(GraphBuilder.Standard, "Cast", [rows], new NodeAttribute("to", (long)TensorElement.F32));
    }

    /// <summary>All texts have token type 0, so its row is added to the position table once.</summary>
    private unsafe string AddPositions(EncoderTensors<TensorView> tensors)
    {
        PageMemory table = loader.ToFloat(new WeightMatrix(tensors.Positions));
        int hidden = configuration.HiddenSize;
        float[] type = new float[hidden];
        TensorConverter.Read(tensors.TokenTypes, 0, type);
        loader.Report(tensors.TokenTypes);
        for (long row = 0; row < configuration.Positions; row++)
        {
            var position = new Span<float>((float*)table.Address + (row * hidden), hidden);
            System.Numerics.Tensors.TensorPrimitives.Add(position, type, position);
        }

        string name = graph.Constant("positions_table", TensorElement.F32, [configuration.Positions, hidden], table);
        return graph.Node(GraphBuilder.Standard, "Gather", [name, Positions]);
    }

    private string AddNorm(string name, string left, string right, NormTensors<TensorView> norm) => graph.Node(
        GraphBuilder.Own,
        AddNormOperator.OperatorName,
        [left, right, AddVector($"{name}.weight", [norm.Weight]), AddVector($"{name}.bias", [norm.Bias!])],
        new NodeAttribute("epsilon", configuration.NormEpsilon));

    private string AddLinear(string name, string input, LinearTensors<TensorView> tensors) =>
        linear.Add(graph, name, input, new WeightMatrix(tensors.Weight), AddBias(name, tensors));

    private string AddBias(string name, LinearTensors<TensorView> tensors) => AddVector($"{name}_bias", [.. tensors.Bias]);

    private string AddVector(string name, ReadOnlySpan<TensorView> parts)
    {
        long length = 0;
        foreach (TensorView part in parts)
        {
            length += part.Shape[0];
        }

        return graph.Constant(name, TensorElement.F32, [length], loader.ToFloat([.. parts]));
    }
}
