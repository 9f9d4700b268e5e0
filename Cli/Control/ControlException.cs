namespace GlmCluster.Cli.Control;

/// <summary>A running server could not be reached, or says why it does not do what was asked. The message is for users.</summary>
internal sealed class ControlException(string message) : Exception(message);
