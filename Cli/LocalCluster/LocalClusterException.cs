namespace GlmCluster.Cli.LocalCluster;

/// <summary>A local cluster cannot start or go on. The message says why and where to look.</summary>
internal sealed class LocalClusterException(string message, Exception? inner = null) : Exception(message, inner);
