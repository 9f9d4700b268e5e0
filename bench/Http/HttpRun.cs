namespace GlmCluster.Bench.Http;

/// <summary>What one HTTP run took.</summary>
/// <param name="Tokens">Generated, by the server's own usage where it tells, else one per piece of content.</param>
/// <param name="PromptTokens">Of all requests, by the server's own usage; 0 where it does not tell.</param>
/// <param name="Total">From the first request to the last event.</param>
/// <param name="Firsts">Of each request, from sending it to its first content, ascending.</param>
/// <param name="Gaps">Between pieces of content of one stream, ascending; pieces that arrive together have none between them.</param>
/// <param name="Answers">In the order in which they ended.</param>
public sealed record HttpRun(
    int Tokens, int PromptTokens, TimeSpan Total, IReadOnlyList<TimeSpan> Firsts, IReadOnlyList<TimeSpan> Gaps, IReadOnlyList<HttpAnswer> Answers)
{
    public double TokensPerSecond => Tokens / Total.TotalSeconds;

    /// <summary>Puts runs of the same load together.</summary>
    public static HttpRun Join(IReadOnlyList<HttpRun> runs) => new(
        runs.Sum(run => run.Tokens),
        runs.Sum(run => run.PromptTokens),
        TimeSpan.FromSeconds(runs.Sum(run => run.Total.TotalSeconds)),
        [.. runs.SelectMany(run => run.Firsts).Order()],
        [.. runs.SelectMany(run => run.Gaps).Order()],
        [.. runs.SelectMany(run => run.Answers)]);

    /// <summary>The value at a quantile in [0, 1] of ascending times, in milliseconds; NaN where there are none.</summary>
    public static double MillisecondsAt(IReadOnlyList<TimeSpan> ascending, double quantile)
    {
        ArgumentNullException.ThrowIfNull(ascending);
        return ascending.Count == 0 ? double.NaN : ascending[(int)Math.Round((ascending.Count - 1) * quantile)].TotalMilliseconds;
    }
}
