using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Graph;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Decoding;

/// <summary>What a decoder's session reads and writes: a step's inputs, the logits and the KV cache.</summary>
internal sealed class StepTensors : IDisposable
{
    private readonly BoundTensor<long> _tokenIds;
    private readonly BoundTensor<int> _cumulativeLengths;
    private readonly BoundTensor<int> _pastLengths;
    private readonly BoundTensor<int> _blockTable;
    private readonly BoundTensor<long> _logitRows;
    private readonly BoundTensor<float> _logits;
    private readonly List<PageMemory> _cache = [];
    private readonly int _vocabularySize;
    private readonly int _blockCount;

    public StepTensors(OnnxBinding binding, string logits, DecoderConfiguration configuration, DecoderRunnerOptions options, int blockTokens)
    {
        _vocabularySize = configuration.VocabularySize;
        _blockCount = options.BlockCount;
        int blocksPerSequence = (options.ContextTokens + blockTokens - 1) / blockTokens;
        _tokenIds = new BoundTensor<long>(binding, DecoderGraph.TokenIds, TensorElement.I64, options.MaxStepTokens);
        _cumulativeLengths = new BoundTensor<int>(binding, DecoderGraph.CumulativeLengths, TensorElement.I32, options.MaxSequences + 1);
        _pastLengths = new BoundTensor<int>(binding, DecoderGraph.PastLengths, TensorElement.I32, options.MaxSequences);
        _blockTable = new BoundTensor<int>(binding, DecoderGraph.BlockTable, TensorElement.I32, (long)options.MaxSequences * blocksPerSequence);
        _logitRows = new BoundTensor<long>(binding, DecoderGraph.LogitRows, TensorElement.I64, options.MaxStepTokens);
        _logits = new BoundTensor<float>(binding, logits, TensorElement.F32, (long)options.MaxStepTokens * _vocabularySize, isOutput: true);
        for (int layer = 0; layer < configuration.Layers; layer++)
        {
            BindCache(binding, DecoderGraph.KeyCache(layer), configuration, options, blockTokens);
            BindCache(binding, DecoderGraph.ValueCache(layer), configuration, options, blockTokens);
        }
    }

    /// <summary>Binds a step's inputs.</summary>
    /// <returns>Where its logits will be, shape (logitRows, vocabulary).</returns>
    public ReadOnlySpan<float> Set(StepBatch batch)
    {
        // The graph does not run on no rows: then the first token's logits are computed and not shown.
        ReadOnlySpan<long> rows = batch.LogitRowCount > 0 ? batch.LogitRows.AsSpan(0, batch.LogitRowCount) : [0L];
        _tokenIds.Set(batch.TokenIds.AsSpan(0, batch.TokenCount));
        _cumulativeLengths.Set(batch.CumulativeLengths.AsSpan(0, batch.SequenceCount + 1));
        _pastLengths.Set(batch.PastLengths.AsSpan(0, batch.SequenceCount));
        _blockTable.Set(batch.BlockTable.AsSpan(0, batch.SequenceCount * batch.TableWidth), batch.TableWidth);
        _logitRows.Set(rows);
        return _logits.Reserve(rows.Length, _vocabularySize)[..(batch.LogitRowCount * _vocabularySize)];
    }

    /// <summary>Copies a block in all layers.</summary>
    public void CopyBlock(int source, int target)
    {
        foreach (PageMemory memory in _cache)
        {
            memory.CopyWithin(source, target, memory.ByteLength / _blockCount);
        }
    }

    public void Dispose()
    {
        _tokenIds.Dispose();
        _cumulativeLengths.Dispose();
        _pastLengths.Dispose();
        _blockTable.Dispose();
        _logitRows.Dispose();
        _logits.Dispose();
        _cache.ForEach(memory => memory.Dispose());
    }

    private void BindCache(OnnxBinding binding, string name, DecoderConfiguration configuration, DecoderRunnerOptions options, int blockTokens)
    {
        var memory = new PageMemory(options.BlockCount * DecoderMemory.LayerBlockBytes(configuration, options.KvFormat));
        _cache.Add(memory);
        binding.BindInput(
            OrtApi.Utf8(name),
            options.KvFormat.Element(),
            [options.BlockCount, blockTokens, configuration.KvHeads, options.KvFormat.TokenElements(configuration.HeadDim)],
            memory.Address,
            memory.ByteLength);
    }
}
