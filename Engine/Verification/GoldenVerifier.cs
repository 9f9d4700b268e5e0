using System.Globalization;
using System.Numerics.Tensors;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Verification;

/// <summary>
/// Compares a loaded model with the reference logits in a file: for prompt k <c>input_ids_k</c>, <c>logits_k</c> and <c>greedy_k</c>.
/// </summary>
public sealed class GoldenVerifier
{
    /// <summary>Name of the file beside a checkpoint.</summary>
    public const string FileName = "golden.safetensors";

    /// <summary>Two best logits nearer than this make a greedy choice that rounding may turn.</summary>
    private const float CloseDecision = 1e-3f;

    private readonly IStepRunner _runner;
    private readonly IWeightSource _golden;
    private readonly int _stepTokens;
    private readonly int _choices;
    private int _positions;
    private float _largestDifference;
    private GoldenPlace _where;
    private int _greedyTokens;
    private int _greedyMatches;

    private GoldenVerifier(IStepRunner runner, IWeightSource golden, int stepTokens, int choices) =>
        (_runner, _golden, _stepTokens, _choices) = (runner, golden, stepTokens, choices);

    /// <summary>Runs every prompt and its continuation. Uses the runner's cache from its first block on.</summary>
    /// <param name="stepTokens">Most tokens that the runner takes in a step.</param>
    /// <exception cref="CheckpointException">The reference holds no prompts, or does not fit the model.</exception>
    /// <param name="choices">Greedy choices are made among the ids below this.</param>
    public static GoldenReport Verify(IStepRunner runner, IWeightSource golden, int stepTokens, int choices = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(golden);
        var verifier = new GoldenVerifier(runner, golden, stepTokens, choices);
        int prompts = 0;
        while (golden.Find(Name("input_ids", prompts)) is TensorView promptIds)
        {
            verifier.VerifyPrompt(prompts++, Read<long>(promptIds));
        }

        return prompts > 0
            ? new GoldenReport(
                prompts, verifier._positions, verifier._largestDifference, verifier._where, verifier._greedyTokens, verifier._greedyMatches)
            : throw new CheckpointException($"The reference holds no prompts: it has no tensor \"{Name("input_ids", 0)}\".");
    }

    private void VerifyPrompt(int prompt, ReadOnlySpan<long> promptIds)
    {
        ReadOnlySpan<float> expected = Read<float>(Require(Name("logits", prompt)));
        ReadOnlySpan<long> continuation = Read<long>(Require(Name("greedy", prompt)));
        int vocabulary = _runner.VocabularySize;
        if (expected.Length != (long)promptIds.Length * vocabulary)
        {
            throw new CheckpointException(
                $"The reference's \"{Name("logits", prompt)}\" has {expected.Length} numbers; " +
                $"the model gives {promptIds.Length} rows of {vocabulary}.");
        }

        var probe = new SequenceProbe(_runner, _stepTokens, promptIds.Length + continuation.Length);
        int[] ids = new int[promptIds.Length];
        TensorPrimitives.ConvertTruncating(promptIds, ids);
        probe.Begin(_runner.PrefixOf(ids));
        float[] logits = new float[expected.Length];
        probe.Append(promptIds, logits);
        Compare(prompt, logits, expected);
        FollowGreedy(probe, logits.AsSpan(^vocabulary..), continuation);
    }

    private void Compare(int prompt, ReadOnlySpan<float> logits, ReadOnlySpan<float> expected)
    {
        int vocabulary = _runner.VocabularySize;
        _positions += logits.Length / vocabulary;
        for (int i = 0; i < logits.Length; i++)
        {
            float difference = MathF.Abs(logits[i] - expected[i]);
            difference = float.IsNaN(difference) ? float.PositiveInfinity : difference;
            if (difference > _largestDifference)
            {
                _largestDifference = difference;
                _where = new GoldenPlace(prompt, i / vocabulary, i % vocabulary);
            }
        }
    }

    /// <summary>Compares choices up to the first close one; always goes on with the reference's token.</summary>
    /// <param name="logits">After the prompt's last token; overwritten.</param>
    private void FollowGreedy(SequenceProbe probe, Span<float> logits, ReadOnlySpan<long> continuation)
    {
        foreach (long token in continuation)
        {
            Span<float> allowed = logits[..Math.Min(logits.Length, _choices)];
            int best = TensorPrimitives.IndexOfMax<float>(allowed);
            float bestLogit = allowed[best];
            allowed[best] = float.NegativeInfinity;
            if (bestLogit - TensorPrimitives.Max<float>(allowed) < CloseDecision)
            {
                return;
            }

            _greedyTokens++;
            _greedyMatches += best == token ? 1 : 0;
            probe.Append([token], logits);
        }
    }

    private TensorView Require(string name) =>
        _golden.Find(name) ?? throw new CheckpointException($"The reference has no tensor \"{name}\".");

    private static string Name(string kind, int prompt) => string.Create(CultureInfo.InvariantCulture, $"{kind}_{prompt}");

    private static unsafe ReadOnlySpan<T> Read<T>(TensorView tensor)
        where T : unmanaged => new((void*)tensor.Address, checked((int)(tensor.ByteLength / sizeof(T))));
}
