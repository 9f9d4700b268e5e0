namespace GlmCluster.Engine.Scheduling;

/// <summary>
/// Decides how many prompt tokens may ride along in a step in which other sequences decode, so that these get their tokens at nearly the pace at which they
/// get them alone. It learns from the time that steps take; no result depends on it, for chunking changes no bit.
/// </summary>
/// <remarks>Used only on the engine loop thread; allocates nothing after construction.</remarks>
/// <param name="maxSequences">Most sequences in a step.</param>
/// <param name="slowdown">Step time with prompt tokens over the time without, more than 1, with as many sequences prefilling as decoding or fewer.</param>
internal sealed class StepPacer(int maxSequences, double slowdown)
{
    /// <summary>A prompt must get on even where time cannot be told.</summary>
    private const int LeastTokens = 4;

    /// <summary>Steps after which the time of decoding alone is measured again: contexts have grown.</summary>
    private const int FreshSteps = 256;

    /// <summary>Most often that a step is spent on measuring that time.</summary>
    private const int ProbeInterval = 16;

    private const double Weight = 0.25; // of a new measurement in a running mean

    private readonly double[] _decodeSeconds = new double[maxSequences + 1]; // of steps that only decode, by their sequences; 0: never measured
    private readonly long[] _measuredAt = new long[maxSequences + 1];
    private double _prefillTokenSeconds;
    private bool _isPrefillMeasured; // beside decoding
    private long _steps;
    private long _lastProbe = -ProbeInterval;

    /// <summary>Prompt tokens for the next step.</summary>
    /// <param name="decoding">Sequences that decode in it.</param>
    /// <param name="prefilling">Sequences that have prompt tokens left, waiting ones included; where they are the majority they get as much more of the time.</param>
    /// <param name="budget">Most that it can take.</param>
    public int PrefillTokens(int decoding, int prefilling, int budget)
    {
        if (decoding == 0 || double.IsPositiveInfinity(slowdown))
        {
            return budget;
        }

        bool isFresh = _decodeSeconds[decoding] > 0 && _steps - _measuredAt[decoding] < FreshSteps;
        if (!isFresh && _steps - _lastProbe >= ProbeInterval)
        {
            _lastProbe = _steps;
            return 0;
        }

        double decodeSeconds = NearestDecodeSeconds(decoding);
        if (decodeSeconds == 0 || _prefillTokenSeconds == 0)
        {
            return budget;
        }

        double seconds = (slowdown - 1) * decodeSeconds * Math.Max(1, (double)prefilling / decoding);
        return (int)Math.Clamp(seconds / _prefillTokenSeconds, Math.Min(LeastTokens, budget), budget);
    }

    /// <summary>Takes note of a step's time.</summary>
    public void Note(int decoding, int prefillTokens, TimeSpan time)
    {
        _steps++;
        double seconds = time.TotalSeconds;
        if (prefillTokens == 0)
        {
            _decodeSeconds[decoding] = Mean(_decodeSeconds[decoding], seconds, isFirst: _steps - _measuredAt[decoding] >= FreshSteps);
            _measuredAt[decoding] = _steps;
        }
        else if (decoding == 0)
        {
            // Too much for a short prompt, most of whose time goes into reading the weights: a careful start.
            _prefillTokenSeconds = _isPrefillMeasured ? _prefillTokenSeconds : seconds / prefillTokens;
        }
        else
        {
            double tokenSeconds = Math.Max(0, seconds - NearestDecodeSeconds(decoding)) / prefillTokens;
            _prefillTokenSeconds = Mean(_prefillTokenSeconds, tokenSeconds, isFirst: !_isPrefillMeasured);
            _isPrefillMeasured = true;
        }
    }

    private static double Mean(double before, double measured, bool isFirst) =>
        isFirst || before == 0 ? measured : before + (Weight * (measured - before));

    private double NearestDecodeSeconds(int decoding)
    {
        for (int distance = 0; distance < _decodeSeconds.Length; distance++)
        {
            if (decoding - distance > 0 && _decodeSeconds[decoding - distance] is > 0 and double fewer)
            {
                return fewer;
            }

            if (decoding + distance < _decodeSeconds.Length && _decodeSeconds[decoding + distance] is > 0 and double more)
            {
                return more;
            }
        }

        return 0;
    }
}
