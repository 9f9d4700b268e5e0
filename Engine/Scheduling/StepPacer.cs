namespace GlmCluster.Engine.Scheduling;

/// <summary>
/// Decides how many prompt tokens may ride along in a step in which other sequences decode, so that these get their tokens at nearly the pace at which they
/// get them alone. It learns from the time that steps take; no result depends on it, for chunking changes no bit.
/// </summary>
/// <remarks>
/// An account in seconds: every step that decodes brings the room that the slowdown leaves, and what prompt tokens took beyond the time of decoding alone is
/// paid from it. So the mean time between tokens keeps the slowdown however wrong a step's forecast was: what took too long is followed by steps without
/// prompt tokens. Used only on the engine loop thread; allocates nothing after construction.
/// </remarks>
/// <param name="maxSequences">Most sequences in a step.</param>
/// <param name="slowdown">Step time with prompt tokens over the time without, more than 1, with as many sequences prefilling as decoding or fewer.</param>
internal sealed class StepPacer(int maxSequences, double slowdown)
{
    /// <summary>Most steps in a row without prompt tokens, but for the measured one: a prompt must get on, whatever a token of it takes.</summary>
    private const int LongestPause = 8;

    /// <summary>Share of the room that is given away: times vary, and most steps, not half of them, should keep the slowdown.</summary>
    private const double Margin = 0.85;

    /// <summary>Steps after which the time of decoding alone is measured again: contexts have grown.</summary>
    private const int FreshSteps = 256;

    /// <summary>Most often that a step is spent on measuring that time.</summary>
    private const int ProbeInterval = 16;

    private const double Weight = 0.25; // of a new measurement in a running mean

    /// <summary>A measurement counts as no more than so many times the mean before: a step that the machine held up says little about the next.</summary>
    private const double MostGrowth = 2;

    /// <summary>What prompt tokens add to a step, at least, as a share of it: they only seem to cost nothing where times vary.</summary>
    private const double LeastShare = 0.01;

    private readonly double[] _decodeSeconds = new double[maxSequences + 1]; // of steps that only decode, by their sequences; 0: never measured
    private readonly long[] _measuredAt = new long[maxSequences + 1];
    private double _prefillTokenSeconds; // a step's fixed costs for prompts included, so it depends on the chunk and is learned with it
    private bool _isPrefillMeasured; // beside decoding
    private double _room; // seconds that a step brings
    private double _account; // seconds that prompt tokens may take now
    private int _pausedSteps;
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

        _room = Margin * (slowdown - 1) * decodeSeconds * Math.Max(1, (double)prefilling / decoding);
        _account = Math.Min(_account + _room, Math.Max(_room, _prefillTokenSeconds)); // nothing is saved up beyond what the next token needs
        int least = _pausedSteps >= LongestPause ? Math.Min(1, budget) : 0;
        return (int)Math.Clamp(_account / _prefillTokenSeconds, least, budget);
    }

    /// <summary>Takes note of a step's time.</summary>
    public void Note(int decoding, int prefillTokens, TimeSpan time)
    {
        _steps++;
        double seconds = time.TotalSeconds;
        if (prefillTokens == 0)
        {
            _decodeSeconds[decoding] = Mean(_decodeSeconds[decoding], seconds);
            _measuredAt[decoding] = _steps;
            _pausedSteps++;
        }
        else if (decoding == 0)
        {
            // Too much for a short prompt, most of whose time goes into reading the weights: a careful start.
            _prefillTokenSeconds = _isPrefillMeasured ? _prefillTokenSeconds : seconds / prefillTokens;
        }
        else
        {
            double decodeSeconds = NearestDecodeSeconds(decoding);
            NoteMixed(prefillTokens, Math.Max(LeastShare * decodeSeconds, seconds - decodeSeconds));
        }
    }

    private void NoteMixed(int prefillTokens, double prefillSeconds)
    {
        double tokenSeconds = prefillSeconds / prefillTokens;
        _prefillTokenSeconds = _isPrefillMeasured ? Mean(_prefillTokenSeconds, tokenSeconds) : tokenSeconds;
        _isPrefillMeasured = true;
        _account = Math.Max(_account - prefillSeconds, -LongestPause * _room);
        _pausedSteps = 0;
    }

    private static double Mean(double before, double measured) =>
        before == 0 ? measured : before + (Weight * (Math.Min(measured, MostGrowth * before) - before));

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
