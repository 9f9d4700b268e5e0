using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Sampling;

/// <summary>Applies what a request wants changed in its logits before one is drawn: bias, penalties, no early stop.</summary>
/// <remarks>
/// A pure function of row, parameters and ids; nothing is kept between rows, so that preempting, parking and replaying a sequence cannot change it.
/// Time goes with the number of ids. Used by one thread; allocates nothing after construction.
/// </remarks>
internal sealed class LogitAdjuster(int vocabularySize)
{
    /// <summary>In <see cref="_counts"/>: its penalties are applied.</summary>
    private const int Done = -1;

    private readonly float[] _row = new float[vocabularySize];
    private readonly int[] _counts = new int[vocabularySize]; // of the output, zero between calls

    /// <param name="logits">Shape (vocab,).</param>
    /// <param name="parameters">Valid, as <see cref="SequenceValidation"/> checks.</param>
    /// <param name="ids">Prompt, then output.</param>
    /// <param name="promptTokens">Ids that are the prompt.</param>
    /// <param name="stopIds">Ids that end the sequence.</param>
    /// <returns>The changed row, valid until the next call.</returns>
    public ReadOnlySpan<float> Adjust(
        ReadOnlySpan<float> logits,
        scoped in SamplingParameters parameters,
        scoped ReadOnlySpan<int> ids,
        int promptTokens,
        scoped ReadOnlySpan<int> stopIds)
    {
        logits.CopyTo(_row);
        foreach ((int id, float bias) in parameters.LogitBias.Span)
        {
            _row[id] += bias;
        }

        ReadOnlySpan<int> output = ids[promptTokens..];
        if (parameters.RepetitionPenalty != 1)
        {
            Penalize(parameters, ids, output);
        }
        else if (parameters.PresencePenalty != 0 || parameters.FrequencyPenalty != 0)
        {
            Penalize(parameters, output, output);
        }

        if (output.Length < parameters.MinTokens)
        {
            foreach (int id in stopIds)
            {
                _row[id] = MathF.Min(_row[id], float.NegativeInfinity); // NaN stays: it means that the model failed
            }
        }

        return _row;
    }

    /// <param name="parameters">What to apply.</param>
    /// <param name="penalized">Ids whose logits change, repeats included.</param>
    /// <param name="output">Of them, those that presence and frequency count.</param>
    private void Penalize(in SamplingParameters parameters, ReadOnlySpan<int> penalized, ReadOnlySpan<int> output)
    {
        foreach (int id in output)
        {
            _counts[id]++;
        }

        foreach (int id in penalized)
        {
            int count = _counts[id];
            if (count == Done)
            {
                continue;
            }

            float logit = _row[id];
            logit = logit > 0 ? logit / parameters.RepetitionPenalty : logit * parameters.RepetitionPenalty;
            logit -= parameters.FrequencyPenalty * count;
            _row[id] = count > 0 ? logit - parameters.PresencePenalty : logit;
            _counts[id] = Done;
        }

        foreach (int id in penalized)
        {
            _counts[id] = 0;
        }
    }
}
