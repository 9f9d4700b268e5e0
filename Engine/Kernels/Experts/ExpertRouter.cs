namespace GlmCluster.Engine.Kernels.Experts;

/// <summary>How tokens choose experts.</summary>
/// <param name="Experts">Experts of a layer.</param>
/// <param name="PerToken">Experts that a token goes to; at most <paramref name="Experts"/>.</param>
/// <param name="Groups">Groups of neighbouring experts; divides <paramref name="Experts"/>.</param>
/// <param name="TopGroups">Groups that a token may choose from.</param>
/// <param name="NormalizesWeights">Whether a token's weights are divided by their sum.</param>
/// <param name="Scale">Factor of all weights.</param>
internal readonly record struct RoutingShape(int Experts, int PerToken, int Groups, int TopGroups, bool NormalizesWeights, float Scale)
{
    /// <summary>Most experts of a layer.</summary>
    public const int MostExperts = 1024;
}

/// <summary>Chooses a token's experts by sigmoid scores with a correction that counts for the choice and not for the weight.</summary>
/// <remarks>
/// Source: <c>Glm4MoeTopkRouter</c> in modeling_glm4_moe.py of Hugging Face transformers. Ties go to the smaller number. A token's choice
/// depends on its own scores alone. Stateless.
/// </remarks>
internal sealed class ExpertRouter(RoutingShape shape)
{
    /// <summary>Keeps the sum of the weights above zero, as the reference does.</summary>
    private const float SmallestSum = 1e-20f;

    /// <param name="logits">Shape (experts,).</param>
    /// <param name="correction">Shape (experts,).</param>
    /// <param name="experts">Receives the chosen experts in rising order, shape (per token,).</param>
    /// <param name="weights">Receives their weights.</param>
    public void Route(ReadOnlySpan<float> logits, ReadOnlySpan<float> correction, Span<int> experts, Span<float> weights)
    {
        Span<float> scores = stackalloc float[shape.Experts];
        Span<float> choices = stackalloc float[shape.Experts];
        for (int expert = 0; expert < shape.Experts; expert++)
        {
            scores[expert] = 1 / (1 + MathF.Exp(-logits[expert]));
            choices[expert] = scores[expert] + correction[expert];
        }

        if (shape.TopGroups < shape.Groups)
        {
            KeepBestGroups(choices);
        }

        Choose(choices, experts);
        experts.Sort();
        float sum = 0;
        for (int i = 0; i < experts.Length; i++)
        {
            weights[i] = scores[experts[i]];
            sum += weights[i];
        }

        float factor = shape.NormalizesWeights ? shape.Scale / (sum + SmallestSum) : shape.Scale;
        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] *= factor;
        }
    }

    /// <summary>Sets choices outside the best groups to zero; a group is as good as its two best choices together.</summary>
    private void KeepBestGroups(Span<float> choices)
    {
        int size = shape.Experts / shape.Groups;
        Span<float> groupScores = stackalloc float[shape.Groups];
        Span<int> kept = stackalloc int[shape.TopGroups];
        for (int group = 0; group < shape.Groups; group++)
        {
            (float best, float second) = (float.NegativeInfinity, float.NegativeInfinity);
            foreach (float choice in choices.Slice(group * size, size))
            {
                (best, second) = choice > best ? (choice, best) : (best, MathF.Max(second, choice));
            }

            groupScores[group] = size > 1 ? best + second : best;
        }

        Choose(groupScores, kept);
        for (int group = 0; group < shape.Groups; group++)
        {
            if (!kept.Contains(group))
            {
                choices.Slice(group * size, size).Clear();
            }
        }
    }

    /// <summary>Finds the places of the largest values; always as many as asked for, all different, also where values are not numbers.</summary>
    private static void Choose(ReadOnlySpan<float> values, Span<int> places)
    {
        Span<bool> taken = stackalloc bool[values.Length];
        for (int i = 0; i < places.Length; i++)
        {
            int best = -1;
            for (int place = 0; place < values.Length; place++)
            {
                if (!taken[place] && (best < 0 || values[place] > values[best]))
                {
                    best = place;
                }
            }

            taken[best] = true;
            places[i] = best;
        }
    }
}
