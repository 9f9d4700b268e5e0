namespace GlmCluster.Cli.Hub;

/// <summary>A pull that cannot go on. The message is for the user: what was found, and the remedy.</summary>
internal sealed class HubException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The server cannot answer now, but may later.</summary>
/// <param name="message">What it said.</param>
/// <param name="retryAfter">How long it asks to wait; null: it does not say.</param>
internal sealed class HubBusyException(string message, TimeSpan? retryAfter) : Exception(message)
{
    public TimeSpan? RetryAfter => retryAfter;
}
