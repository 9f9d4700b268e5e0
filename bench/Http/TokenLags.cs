using System.Diagnostics;

namespace GlmCluster.Bench.Http;

/// <summary>How long tokens took from the end of their step to a client, where steps end at whole multiples of a period on the clock that the client reads.</summary>
public static class TokenLags
{
    /// <summary>One lag per token of an answer whose tokens are one byte each and come one per step.</summary>
    /// <param name="pieces">Of the answer, in order.</param>
    /// <param name="period">Of the steps, in ticks of the clock.</param>
    /// <remarks>
    /// A token was made at the latest as many steps before a later one as there are tokens between them. So a token that is late by more than a period
    /// shows as late as soon as any token after it is not.
    /// </remarks>
    public static IReadOnlyList<TimeSpan> Of(IReadOnlyList<ContentPiece> pieces, long period)
    {
        ArgumentNullException.ThrowIfNull(pieces);
        var lags = new List<TimeSpan>();
        long latestStep = long.MaxValue;
        for (int i = pieces.Count - 1; i >= 0; i--)
        {
            for (int token = 0; token < pieces[i].Bytes; token++)
            {
                latestStep = Math.Min(latestStep - 1, pieces[i].Arrival / period);
                lags.Add(Stopwatch.GetElapsedTime(latestStep * period, pieces[i].Arrival));
            }
        }

        lags.Reverse();
        return lags;
    }
}
