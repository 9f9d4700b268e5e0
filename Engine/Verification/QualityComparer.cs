using System.Numerics.Tensors;
using GlmCluster.Checkpoints;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Verification;

/// <summary>Runs two forms of one model over the same texts and compares their predictions.</summary>
/// <param name="reference">The exact form. Its cache is used from the first block on.</param>
/// <param name="model">The form to judge, of the same vocabulary.</param>
/// <param name="stepTokens">Most tokens that both take in a step.</param>
public sealed class QualityComparer(IStepRunner reference, IStepRunner model, int stepTokens)
{
    private const string Stage = "Comparing";

    private readonly List<double> _divergences = [];
    private readonly float[] _expected = new float[reference.VocabularySize];
    private readonly float[] _found = new float[reference.VocabularySize];
    private int _sameBest;

    /// <exception cref="ArgumentException">There is no position to compare.</exception>
    public QualityReport Compare(IReadOnlyList<ScoredSequence> texts, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(texts);
        long total = texts.Sum(text => (long)text.Ids.Length);
        long done = 0;
        foreach (ScoredSequence text in texts)
        {
            var exact = new SequenceProbe(reference, stepTokens, text.Ids.Length);
            var judged = new SequenceProbe(model, stepTokens, text.Ids.Length);
            for (int start = 0; start < text.Ids.Length; start += stepTokens)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int count = Math.Min(stepTokens, text.Ids.Length - start);
                long[] rows = [.. text.Positions.Where(position => position >= start && position < start + count).Select(position => position - start)];
                ReadOnlySpan<long> ids = text.Ids.AsSpan(start, count);
                CompareRows(exact.Run(ids, rows), judged.Run(ids, rows));
            }

            progress?.Report(new LoadProgress(Stage, done += text.Ids.Length, total));
        }

        return Summarize(texts.Count);
    }

    private void CompareRows(ReadOnlySpan<float> expected, ReadOnlySpan<float> found)
    {
        int vocabulary = reference.VocabularySize;
        for (int start = 0; start < expected.Length; start += vocabulary)
        {
            ReadOnlySpan<float> expectedRow = expected.Slice(start, vocabulary);
            ReadOnlySpan<float> foundRow = found.Slice(start, vocabulary);
            _sameBest += TensorPrimitives.IndexOfMax(expectedRow) == TensorPrimitives.IndexOfMax(foundRow) ? 1 : 0;
            _divergences.Add(Divergence(expectedRow, foundRow));
        }
    }

    /// <summary>Σ p · (log p - log q), with p and q the softmax of the two rows.</summary>
    private double Divergence(ReadOnlySpan<float> expected, ReadOnlySpan<float> found)
    {
        double expectedSum = LogSumOfExponentials(expected, _expected);
        double foundSum = LogSumOfExponentials(found, _found);

        // log p - log q = (expected - found) - (expectedSum - foundSum), and the p add up to 1.
        TensorPrimitives.Subtract(expected, found, _found);
        double weighted = TensorPrimitives.Dot<float>(_expected, _found) / TensorPrimitives.Sum<float>(_expected);
        return Math.Max(0, weighted - (expectedSum - foundSum));
    }

    /// <param name="exponentials">Receives exp(logit - largest logit).</param>
    private static double LogSumOfExponentials(ReadOnlySpan<float> logits, Span<float> exponentials)
    {
        float largest = TensorPrimitives.Max(logits);
        TensorPrimitives.Subtract(logits, largest, exponentials);
        TensorPrimitives.Exp<float>(exponentials, exponentials);
        return largest + Math.Log(TensorPrimitives.Sum<float>(exponentials));
    }

    private QualityReport Summarize(int texts)
    {
        if (_divergences.Count == 0)
        {
            throw new ArgumentException("The texts have no position to compare.", nameof(texts));
        }

        _divergences.Sort();
        double high = _divergences[(int)Math.Ceiling(0.99 * _divergences.Count) - 1];
        return new QualityReport(texts, _divergences.Count, _sameBest, _divergences.Average(), high, _divergences[^1]);
    }
}
