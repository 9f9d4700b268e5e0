namespace GlmCluster.Grains.Routing;

/// <summary>What a policy knows of a worker that has room for a generation.</summary>
/// <param name="Worker">Its incarnation.</param>
/// <param name="Load">Sequences given to it and not yet ended.</param>
/// <param name="Slots">Sequences it runs at once, at least 1.</param>
/// <param name="CachedTokens">Of the prompt, as far as its digest tells.</param>
/// <param name="IsHome">It answered the conversation's last turn.</param>
internal readonly record struct RoutingCandidate(Guid Worker, int Load, int Slots, int CachedTokens = 0, bool IsHome = false);

/// <summary>Picks the worker for a generation.</summary>
internal interface IRoutingPolicy
{
    /// <summary>Whether <see cref="RoutingCandidate.CachedTokens"/> is looked at; finding it costs a hash per block of the prompt.</summary>
    bool UsesPrefixes { get; }

    /// <param name="key">Names what should stay together: the conversation, else the caller.</param>
    /// <param name="candidates">At least one, in the order they joined.</param>
    /// <returns>Index of the picked one.</returns>
    int Pick(string key, ReadOnlySpan<RoutingCandidate> candidates);
}
