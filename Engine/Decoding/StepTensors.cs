using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Engine.Graph;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Decoding;

/// <summary>What a stage's session reads and writes in a step, but for the KV cache.</summary>
internal sealed class StepTensors : IDisposable
{
    private readonly BoundTensor<int> _cumulativeLengths;
    private readonly BoundTensor<int> _pastLengths;
    private readonly BoundTensor<int> _blockTable;
    private readonly BoundTensor<long>? _tokenIds; // in the first stage
    private readonly BoundTensor<long>? _logitRows; // in the last stage, as the next
    private readonly BoundTensor<float>? _logits;
    private readonly List<BoundTensor<float>> _hidden = []; // from and to the neighbours
    private readonly int _hiddenSize;
    private readonly BoundTensor<int>? _prefixLengths;
    private readonly BoundTensor<int>? _maskPositions;
    private readonly int _vocabularySize;

    public StepTensors(OnnxBinding binding, DecoderConfiguration configuration, DecoderRunnerOptions options, StageEnds ends)
    {
        _hiddenSize = configuration.HiddenSize;
        _vocabularySize = configuration.VocabularySize;
        int blocksPerSequence = (options.ContextTokens + DecoderMemory.BlockTokens - 1) / DecoderMemory.BlockTokens;
        _cumulativeLengths = new BoundTensor<int>(binding, DecoderGraph.CumulativeLengths, TensorElement.I32, options.MaxSequences + 1);
        _pastLengths = new BoundTensor<int>(binding, DecoderGraph.PastLengths, TensorElement.I32, options.MaxSequences);
        _blockTable = new BoundTensor<int>(binding, DecoderGraph.BlockTable, TensorElement.I32, (long)options.MaxSequences * blocksPerSequence);
        if (configuration.Prefix is not null)
        {
            _prefixLengths = new BoundTensor<int>(binding, DecoderGraph.PrefixLengths, TensorElement.I32, options.MaxSequences);
            _maskPositions = new BoundTensor<int>(binding, DecoderGraph.MaskPositions, TensorElement.I32, options.MaxSequences);
        }

        if (ends.Input is null)
        {
            _tokenIds = new BoundTensor<long>(binding, DecoderGraph.TokenIds, TensorElement.I64, options.MaxStepTokens);
        }
        else
        {
            AddHidden(binding, DecoderGraph.Normed, ends.Input.Normed, isOutput: false);
            AddHidden(binding, DecoderGraph.Residual, ends.Input.Residual, isOutput: false);
        }

        if (ends.Output is null)
        {
            _logitRows = new BoundTensor<long>(binding, DecoderGraph.LogitRows, TensorElement.I64, options.MaxStepTokens);
            _logits = new BoundTensor<float>(binding, ends.OutputNames[0], TensorElement.F32, ends.Logits, isOutput: true);
        }
        else
        {
            AddHidden(binding, ends.OutputNames[0], ends.Output.Normed, isOutput: true);
            AddHidden(binding, ends.OutputNames[1], ends.Output.Residual, isOutput: true);
        }
    }

    /// <summary>Binds a step's, or half a step's, inputs and outputs.</summary>
    /// <param name="firstLogitRow">Where its logits go.</param>
    public void Set(StepBatch batch, int firstLogitRow)
    {
        _cumulativeLengths.Set(batch.CumulativeLengths.AsSpan(0, batch.SequenceCount + 1));
        _pastLengths.Set(batch.PastLengths.AsSpan(0, batch.SequenceCount));
        _blockTable.Set(batch.BlockTable.AsSpan(0, batch.SequenceCount * batch.TableWidth), batch.TableWidth);
        _prefixLengths?.Set(batch.PrefixLengths.AsSpan(0, batch.SequenceCount));
        _maskPositions?.Set(batch.MaskPositions.AsSpan(0, batch.SequenceCount));
        _tokenIds?.Set(batch.TokenIds.AsSpan(0, batch.TokenCount));
        foreach (BoundTensor<float> hidden in _hidden)
        {
            hidden.Reserve(batch.TokenCount, _hiddenSize);
        }

        // The graph does not run on no rows: then the first token's logits are computed and not shown.
        ReadOnlySpan<long> rows = batch.LogitRowCount > 0 ? batch.LogitRows.AsSpan(0, batch.LogitRowCount) : [0L];
        _logitRows?.Set(rows);
        _logits?.Reserve(rows.Length, _vocabularySize, firstLogitRow);
    }

    public void Dispose()
    {
        _cumulativeLengths.Dispose();
        _pastLengths.Dispose();
        _blockTable.Dispose();
        _tokenIds?.Dispose();
        _logitRows?.Dispose();
        _logits?.Dispose();
        _hidden.ForEach(hidden => hidden.Dispose());
        _prefixLengths?.Dispose();
        _maskPositions?.Dispose();
    }

    private void AddHidden(OnnxBinding binding, string name, PageMemory memory, bool isOutput) =>
        _hidden.Add(new BoundTensor<float>(binding, name, TensorElement.F32, memory, isOutput));
}
