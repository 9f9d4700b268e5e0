using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Graph.Parts;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Graph;

/// <summary>The frame of a decoder over packed tokens [tokens, hidden]; its layers' parts are chosen by the tensors they have.</summary>
/// <remarks>
/// Maths: the remote code of ChatGLM-6B, and modeling_glm.py, modeling_glm4.py, modeling_glm4_moe.py and modeling_glm4_moe_lite.py of Hugging Face
/// transformers. Every operator treats rows apart, so a token's result does
/// not depend on what else is in the step.
/// </remarks>
internal sealed class DecoderGraph
{
    public const string TokenIds = "token_ids";
    public const string CumulativeLengths = "cumulative_lengths";
    public const string PastLengths = "past_lengths";
    public const string BlockTable = "block_table";
    public const string LogitRows = "logit_rows";
    public const string Normed = "normed";
    public const string Residual = "residual";
    public const string PrefixLengths = "prefix_lengths";
    public const string MaskPositions = "mask_positions";

    private readonly GraphBuilder _graph;
    private readonly DecoderConfiguration _configuration;
    private readonly WeightLoader _loader;
    private readonly DecoderNodes _nodes;
    private readonly FeedForwardPart _feedForward;

    public DecoderGraph(GraphBuilder graph, DecoderConfiguration configuration, LinearFormat linear, PackedFormat packed, WeightLoader loader)
    {
        (_graph, _configuration, _loader) = (graph, configuration, loader);
        _nodes = new DecoderNodes(graph, configuration, linear, packed, loader);
        _feedForward = new FeedForwardPart(_nodes);
    }

    /// <summary>Adds some layers: the first of a decoder begin with the embedding, the last end with the head.</summary>
    /// <param name="positions">Most tokens of a sequence.</param>
    /// <param name="blocks">Blocks of the KV cache.</param>
    /// <returns>
    /// Names of the outputs. Of the last layers: logits, shape (logit rows, vocabulary). Of others: the next layer's normed input and the
    /// residual stream, each (tokens, hidden), which are the inputs <see cref="Normed"/> and <see cref="Residual"/> of the layers that follow.
    /// </returns>
    public IReadOnlyList<string> Add(DecoderWeights weights, LayerRange layers, int positions, int blocks, KvFormat kvFormat)
    {
        bool hasHead = layers.End == weights.Layers.Length;
        AddInputs(layers, hasHead, blocks, kvFormat);
        var attention = AttentionPart.For(weights.Layers[0].Attention, _nodes);
        attention.AddTables(positions);
        (string normed, string residual) = AddStart(weights, layers);
        for (int i = layers.First; i < layers.End; i++)
        {
            bool isLast = i == weights.Layers.Length - 1;
            NormTensors<TensorView> nextNorm = isLast ? weights.FinalNorm : weights.Layers[i + 1].InputNorm;
            string attended = attention.Add(i, weights.Layers[i].Attention, normed);
            if (isLast)
            {
                // From here on rows are apart, so only those whose logits are wanted go on.
                attended = _graph.Node(GraphBuilder.Standard, "Gather", [attended, LogitRows]);
                residual = _graph.Node(GraphBuilder.Standard, "Gather", [residual, LogitRows]);
            }

            (normed, residual) = AddAfterAttention($"layers.{i}", weights.Layers[i], attended, residual, nextNorm);
        }

        if (!hasHead)
        {
            _graph.Output(normed, TensorElement.F32, -1, _configuration.HiddenSize);
            _graph.Output(residual, TensorElement.F32, -1, _configuration.HiddenSize);
            return [normed, residual];
        }

        string logits = _nodes.AddLinear("head", normed, new LinearTensors<TensorView>(weights.Head));
        _graph.Output(logits, TensorElement.F32, -1, _configuration.VocabularySize);
        return [logits];
    }

    private void AddInputs(LayerRange layers, bool hasHead, int blocks, KvFormat kvFormat)
    {
        _graph.Input(CumulativeLengths, TensorElement.I32, -1);
        _graph.Input(PastLengths, TensorElement.I32, -1);
        _graph.Input(BlockTable, TensorElement.I32, -1, -1);
        if (hasHead)
        {
            _graph.Input(LogitRows, TensorElement.I64, -1);
        }

        if (_configuration.Prefix is not null)
        {
            _graph.Input(PrefixLengths, TensorElement.I32, -1);
            _graph.Input(MaskPositions, TensorElement.I32, -1);
        }

        foreach (CacheTensor cache in KvCacheLayout.Of(_configuration, layers))
        {
            _graph.Input(cache.Name, kvFormat.Element(), blocks, AttentionShape.PageTokens, cache.Heads, kvFormat.TokenElements(cache.Width));
        }
    }

    /// <returns>The first layer's normed input, and the residual stream.</returns>
    private (string Normed, string Residual) AddStart(DecoderWeights weights, LayerRange layers)
    {
        if (layers.First > 0)
        {
            return (
                _graph.Input(Normed, TensorElement.F32, -1, _configuration.HiddenSize),
                _graph.Input(Residual, TensorElement.F32, -1, _configuration.HiddenSize));
        }

        _graph.Input(TokenIds, TensorElement.I64, -1);
        string residual = AddEmbedding(weights.Embedding);
        string normed = _nodes.AddNorm("layers.0.input_norm", residual, weights.Layers[0].InputNorm);
        return (normed, _nodes.AddResidualScale(normed, residual));
    }

    /// <summary>Rows are looked up in the stored type and then widened.</summary>
    private string AddEmbedding(TensorView embedding)
    {
        _loader.Report(embedding);
        string table = _graph.Constant("embedding", ElementOf(embedding), embedding.Shape.AsSpan(), embedding.Address, embedding.ByteLength);
        string rows = _graph.Node(GraphBuilder.Standard, "Gather", [table, TokenIds]);
        return embedding.Type == TensorType.F32
            ? rows
            : _graph.Node(GraphBuilder.Standard, "Cast", [rows], new NodeAttribute("to", (long)TensorElement.F32));
    }

    /// <returns>The normed input of what follows, and the residual stream.</returns>
    private (string Normed, string Residual) AddAfterAttention(
        string name, LayerTensors<TensorView> layer, string attended, string residual, NormTensors<TensorView> nextNorm)
    {
        attended = _nodes.AddLinear($"{name}.attention_output", attended, layer.Attention.Output);
        if (layer.AttentionOutputNorm is { } attentionNorm)
        {
            attended = _nodes.AddNorm($"{name}.attention_output_norm", attended, attentionNorm);
        }

        (string normed, residual) = _nodes.AddResidualNorm($"{name}.feed_forward_norm", attended, residual, layer.FeedForwardNorm);
        string fed = _feedForward.Add(name, layer.FeedForward, normed);
        if (layer.FeedForwardOutputNorm is { } feedForwardNorm)
        {
            fed = _nodes.AddNorm($"{name}.feed_forward_output_norm", fed, feedForwardNorm);
        }

        return _nodes.AddResidualNorm($"{name}.next_norm", fed, residual, nextNorm);
    }

    private static TensorElement ElementOf(TensorView tensor) => tensor.Type switch
    {
        TensorType.F32 => TensorElement.F32,
        TensorType.F16 => TensorElement.F16,
        TensorType.BF16 => TensorElement.BF16,
        _ => throw new ArgumentException($"Tensor \"{tensor.Name}\" has type {tensor.Type}; decoders have F32, F16 or BF16.", nameof(tensor)),
    };
}
