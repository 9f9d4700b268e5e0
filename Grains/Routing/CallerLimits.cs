using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Grains.Routing;

/// <summary>What one caller may have of one model.</summary>
/// <param name="Running">Sequences that run at once; its other requests wait. Null: any number.</param>
/// <param name="Requests">Requests, running and waiting; more are refused. Null: any number.</param>
public sealed record CallerLimits(int? Running = null, int? Requests = null);

/// <summary>Whether a model's workers can take one more request.</summary>
internal static class AdmissionCheck
{
    /// <summary>Of all places, the part that is kept for callers that have less than half of what is there.</summary>
    private const int KeptPart = 10;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(2);

    /// <param name="modelName">For the message.</param>
    /// <param name="places">Requests that the workers take, waiting ones included.</param>
    /// <param name="requests">Unfinished ones, but for parked ones.</param>
    /// <param name="ofCaller">Those of the caller that asks.</param>
    /// <param name="limits">The caller's.</param>
    /// <returns>Why they cannot; null: they can.</returns>
    public static GenerationFault? FindFault(string modelName, long places, long requests, long ofCaller, CallerLimits limits)
    {
        if (ofCaller >= limits.Requests)
        {
            return Overloaded($"You have {ofCaller} requests for the model '{modelName}', the limit of one caller. Send more when some have ended.");
        }

        if (requests >= places)
        {
            return Overloaded($"The model '{modelName}' has {requests} requests, its limit. Try again later.");
        }

        return requests >= places - (places / KeptPart) && ofCaller * 2 > requests
            ? Overloaded($"The model '{modelName}' has {requests} requests, {ofCaller} of them yours; the last places up to {places} are kept for others. Try again later.")
            : null;
    }

    private static GenerationFault Overloaded(string message) => new(GenerationFaultCode.Overloaded, message, RetryAfter);
}
