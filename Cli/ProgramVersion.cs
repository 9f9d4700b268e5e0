using System.Reflection;

namespace GlmCluster.Cli;

/// <summary>Which build this is.</summary>
internal static class ProgramVersion
{
    /// <summary>Version and commit.</summary>
    public static string Text { get; } =
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
