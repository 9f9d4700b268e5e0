using System.Numerics.Tensors;

namespace GlmCluster.Engine.Sequences;

/// <summary>What a request must satisfy before the engine takes it.</summary>
internal static class SequenceValidation
{
    /// <exception cref="ArgumentException">Names the value, the limit and, where there is one, the remedy.</exception>
    public static void Check(SequenceRequest request, int vocabularySize, int contextTokens)
    {
        ArgumentNullException.ThrowIfNull(request);
        int promptTokens = request.PromptIds.Length;
        Require(promptTokens > 0, "The prompt has no tokens.");
        Require(
            promptTokens < contextTokens,
            $"The prompt has {promptTokens:N0} tokens; the context of {contextTokens:N0} leaves room for {contextTokens - 1:N0} "
            + "and one of the answer.");
        Require(request.MaxTokens >= 1, $"The limit of {request.MaxTokens} tokens is below 1.");
        CheckIds(request.PromptIds.Span, "prompt", vocabularySize);
        CheckIds(request.GeneratedIds.Span, "earlier answer", vocabularySize);
        CheckSampling(request.Sampling);
        CheckLogitChanges(request, vocabularySize);
        int mostLogprobs = Math.Min(SequenceRequest.MostTopLogprobs, vocabularySize);
        Require(
            request.TopLogprobs is null || (request.TopLogprobs >= 0 && request.TopLogprobs <= mostLogprobs),
            $"Top_logprobs {request.TopLogprobs} is not in [0, {mostLogprobs}].");
    }

    private static void CheckIds(ReadOnlySpan<int> ids, string where, int vocabularySize)
    {
        if (ids.IsEmpty)
        {
            return;
        }

        int smallest = TensorPrimitives.Min(ids);
        int largest = TensorPrimitives.Max(ids);
        Require(
            smallest >= 0 && largest < vocabularySize,
            $"The {where} contains the id {(smallest < 0 ? smallest : largest)}; ids of this model are 0 to {vocabularySize - 1}.");
    }

    private static void CheckSampling(in SamplingParameters sampling)
    {
        float temperature = sampling.Temperature;
        Require(temperature >= 0 && float.IsFinite(temperature), $"Temperature {temperature} is not a number of 0 or more.");
        Require(sampling.TopP is > 0 and <= 1, $"Top_p {sampling.TopP} is not in (0, 1].");
        Require(sampling.TopK >= 0, $"Top_k {sampling.TopK} is below 0; 0 keeps all.");
        Require(sampling.MinP is >= 0 and <= 1, $"Min_p {sampling.MinP} is not in [0, 1].");
        Require(sampling.Choice >= 0, $"Choice {sampling.Choice} is below 0.");
    }

    private static void CheckLogitChanges(SequenceRequest request, int vocabularySize)
    {
        const float Most = SamplingParameters.MaxLogitChange;
        SamplingParameters sampling = request.Sampling;
        Require(
            sampling.RepetitionPenalty is >= SamplingParameters.MinRepetitionPenalty and <= SamplingParameters.MaxRepetitionPenalty,
            $"Repetition_penalty {sampling.RepetitionPenalty} is not in [{SamplingParameters.MinRepetitionPenalty}, {SamplingParameters.MaxRepetitionPenalty}].");
        Require(sampling.PresencePenalty is >= -Most and <= Most, $"Presence_penalty {sampling.PresencePenalty} is not in [{-Most}, {Most}].");
        Require(sampling.FrequencyPenalty is >= -Most and <= Most, $"Frequency_penalty {sampling.FrequencyPenalty} is not in [{-Most}, {Most}].");
        Require(sampling.MinTokens >= 0, $"Min_tokens {sampling.MinTokens} is below 0.");
        if (sampling.MinTokens > 0)
        {
            CheckIds(request.StopIds.Span, "list of stop ids", vocabularySize);
        }

        foreach ((int id, float bias) in sampling.LogitBias.Span)
        {
            CheckIds([id], "logit_bias", vocabularySize);
            Require(bias is >= -Most and <= Most, $"Logit_bias {bias} of id {id} is not in [{-Most}, {Most}].");
        }
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException(message);
        }
    }
}
