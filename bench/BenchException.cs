namespace GlmCluster.Bench;

/// <summary>A measurement that could not be made; says why, in words for the user.</summary>
public sealed class BenchException(string message) : Exception(message);
