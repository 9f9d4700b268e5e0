using GlmCluster.Engine.Sampling;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Tests.Loop;

/// <summary>Makes requests, and says what the model generates for them with no engine at all.</summary>
internal static class Requests
{
    /// <summary>Sampling at a temperature that makes many ids likely.</summary>
    public static SequenceRequest Create(int tag, int promptTokens, int maxTokens, int vocabularySize = 40, params int[] stopIds)
    {
        var random = new Random(tag);
        return new SequenceRequest
        {
            PromptIds = Enumerable.Range(0, promptTokens).Select(_ => random.Next(vocabularySize)).ToArray(),
            Sampling = new SamplingParameters(Temperature: 1.5f, TopP: 0.95f, TopK: 0, Seed: (ulong)random.NextInt64(), Choice: 0)
            {
                // Every third: with everything that looks at earlier ids.
                RepetitionPenalty = tag % 3 == 2 ? 1.2f : 1,
                PresencePenalty = tag % 3 == 2 ? 0.3f : 0,
                FrequencyPenalty = tag % 3 == 2 ? -0.2f : 0,
            },
            TopLogprobs = tag % 4 == 3 ? 2 : null,
            StopIds = stopIds,
            MaxTokens = maxTokens,
            Tag = tag,
        };
    }

    /// <summary>Generates one token after the other from logits over all ids: no cache, no batch, no blocks.</summary>
    public static int[] Expected(SequenceRequest request, int contextTokens = int.MaxValue, int vocabularySize = 40)
    {
        var sampler = new Sampler(vocabularySize);
        var adjuster = new LogitAdjuster(vocabularySize);
        var row = new float[vocabularySize];
        List<int> ids = [.. request.PromptIds.Span];
        for (int index = 0; index < request.MaxTokens && ids.Count < contextTokens; index++)
        {
            SyntheticModel.Logits([.. ids], row);
            ReadOnlySpan<float> adjusted = adjuster.Adjust(row, request.Sampling, [.. ids], request.PromptIds.Length, request.StopIds.Span);
            Assert.True(sampler.TrySample(adjusted, request.Sampling, index, out int id));
            ids.Add(id);
            if (request.StopIds.Span.Contains(id))
            {
                break;
            }
        }

        return [.. ids.Skip(request.PromptIds.Length)];
    }
}
