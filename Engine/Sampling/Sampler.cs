using System.Numerics.Tensors;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Sampling;

/// <summary>Draws the next id from one row of logits.</summary>
/// <remarks>
/// The result is a pure function of the row, the parameters and the index. The filters are those of Hugging Face's logits warpers, in their order:
/// temperature, top_k, top_p, min_p; ranks go by (logit descending, id ascending), so exactly top_k ids stay also where logits tie.
/// Used by one thread; allocates nothing after construction.
/// </remarks>
internal sealed class Sampler(int vocabularySize)
{
    private readonly RankedTokens _tokens = new(vocabularySize);

    /// <param name="logits">Shape (vocab,). Minus infinity excludes an id.</param>
    /// <param name="parameters">Valid, as <see cref="SequenceValidation"/> checks. What <see cref="LogitAdjuster"/> applies is not looked at.</param>
    /// <param name="index">Generated ids before this one.</param>
    /// <param name="tokenId">The id; -1 where the result is false.</param>
    /// <returns>False where a logit is NaN or plus infinity, or none is finite: the model failed for this row.</returns>
    public bool TrySample(ReadOnlySpan<float> logits, in SamplingParameters parameters, int index, out int tokenId)
    {
        tokenId = TensorPrimitives.IndexOfMax(logits); // the first of equal ones; the first NaN if there is one
        if (!float.IsFinite(logits[tokenId]))
        {
            tokenId = -1;
            return false;
        }

        if (parameters.Temperature == 0)
        {
            // IndexOfMax takes 0 before -0; here they tie.
            tokenId = logits[tokenId] == 0 ? logits.IndexOf(0f) : tokenId;
            return true;
        }

        _tokens.Load(logits, logits[tokenId], parameters.Temperature);
        if (parameters.TopK > 0)
        {
            _tokens.KeepCount(parameters.TopK);
        }

        if (parameters.TopP < 1)
        {
            _tokens.KeepMass(parameters.TopP);
        }

        if (parameters.MinP > 0)
        {
            _tokens.KeepNear((float)-Math.Log(parameters.MinP));
        }

        tokenId = _tokens.Pick(Philox.Uniform(parameters.Seed, parameters.Choice, index));
        return true;
    }
}
