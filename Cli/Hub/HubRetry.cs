using System.Globalization;

namespace GlmCluster.Cli.Hub;

/// <summary>Tries again what failed for a reason that may pass: waits 1, 2, 4 … s, or as long as the server asks.</summary>
/// <param name="time">Waits by it.</param>
/// <param name="firstDelay">Doubles with every failure in a row.</param>
/// <param name="say">Told what failed and when it is tried again.</param>
internal sealed class HubRetry(TimeProvider time, TimeSpan firstDelay, Action<string> say)
{
    /// <summary>Failures in a row, without a byte between them, after which it is given up.</summary>
    public const int MostFailures = 6;

    private static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(2);

    public static readonly TimeSpan UsualFirstDelay = TimeSpan.FromSeconds(1);

    /// <summary>Runs an action until it ends.</summary>
    /// <param name="action">What to do; goes on from where it was when it is called again.</param>
    /// <param name="progress">Grows with what has been got.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="HubException">It failed for good.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> action, Func<long> progress, CancellationToken cancellationToken)
    {
        int failures = 0;
        while (true)
        {
            long before = progress();
            try
            {
                return await action(cancellationToken);
            }
            catch (Exception failure) when (IsTransient(failure) && !cancellationToken.IsCancellationRequested)
            {
                failures = progress() > before ? 1 : failures + 1;
                if (failures >= MostFailures)
                {
                    throw new HubException(
                        $"{failure.Message} Gave up after {MostFailures} attempts. What has arrived is kept: the same command goes on from there.", failure);
                }

                TimeSpan delay = Delay(failures, failure);
                say(string.Create(CultureInfo.InvariantCulture, $"{failure.Message} Trying again in {delay.TotalSeconds:0.#} s."));
                await Task.Delay(delay, time, cancellationToken);
            }
        }
    }

    private TimeSpan Delay(int failures, Exception failure)
    {
        TimeSpan delay = (failure as HubBusyException)?.RetryAfter ?? (firstDelay * Math.Pow(2, failures - 1));
        return delay < LongestDelay ? delay : LongestDelay;
    }

    // A full disk is an IOException of another kind: it has no inner exception of the network.
    private static bool IsTransient(Exception failure) =>
        failure is HttpRequestException or HubBusyException or TimeoutException or HttpIOException
        || failure is IOException { InnerException: System.Net.Sockets.SocketException };
}
