namespace GlmCluster.Grains.Stores;

/// <summary>The store cannot be used. The message names the file and the remedy, and is fit for operators.</summary>
public sealed class StoreException(string message, Exception? inner = null) : Exception(message, inner);
