using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Verification;

/// <summary>Runs one sequence on a runner that nobody else uses meanwhile, from the cache's first block on.</summary>
internal sealed class SequenceProbe
{
    private readonly IStepRunner _runner;
    private readonly StepBatch _batch;
    private readonly int _stepTokens;
    private int _past;

    /// <param name="stepTokens">Most tokens that the runner takes in a step.</param>
    /// <param name="capacityTokens">Length that the sequence can reach.</param>
    public SequenceProbe(IStepRunner runner, int stepTokens, int capacityTokens)
    {
        _runner = runner;
        _stepTokens = stepTokens;
        int blocks = (capacityTokens + runner.BlockTokens - 1) / runner.BlockTokens;
        _batch = new StepBatch(stepTokens, sequenceCapacity: 1, blocks) { SequenceCount = 1 };
        for (int block = 0; block < blocks; block++)
        {
            _batch.BlockTable[block] = block;
        }
    }

    /// <summary>Says how the prompt is divided, before the first tokens.</summary>
    public void Begin(PromptPrefix prefix) => (_batch.PrefixLengths[0], _batch.MaskPositions[0]) = (prefix.Tokens, prefix.MaskPosition);

    /// <summary>Appends tokens.</summary>
    /// <param name="logits">Receives the logits after every token, shape (tokens, vocabulary).</param>
    public void Append(ReadOnlySpan<long> tokenIds, Span<float> logits)
    {
        for (int start = 0; start < tokenIds.Length; start += _stepTokens)
        {
            ReadOnlySpan<long> chunk = tokenIds.Slice(start, Math.Min(_stepTokens, tokenIds.Length - start));
            Run(chunk, [.. Enumerable.Range(0, chunk.Length).Select(row => (long)row)]).CopyTo(logits[(start * _runner.VocabularySize)..]);
        }
    }

    /// <summary>Appends the tokens of one step.</summary>
    /// <param name="rows">Indices into them whose logits are wanted.</param>
    /// <returns>Shape (rows, vocabulary); valid until the runner's next step.</returns>
    public ReadOnlySpan<float> Run(ReadOnlySpan<long> tokenIds, ReadOnlySpan<long> rows)
    {
        tokenIds.CopyTo(_batch.TokenIds);
        rows.CopyTo(_batch.LogitRows);
        _batch.TokenCount = tokenIds.Length;
        _batch.LogitRowCount = rows.Length;
        _batch.CumulativeLengths[1] = tokenIds.Length;
        _batch.PastLengths[0] = _past;
        _past += tokenIds.Length;
        _batch.TableWidth = (_past + _runner.BlockTokens - 1) / _runner.BlockTokens;
        return _runner.Run(_batch);
    }
}
