using Npgsql;

namespace GlmCluster.Grains.Postgres;

/// <summary>What can be told of a connection string without using it.</summary>
public static class ConnectionText
{
    public static bool IsValid(string text) => TryRead(text) is { Host.Length: > 0 };

    public static bool HasPassword(string text) => TryRead(text) is { Password.Length: > 0 };

    /// <summary>Server and database, fit for logs.</summary>
    public static string Describe(string text) => TryRead(text) is { } settings ? $"{settings.Host}:{settings.Port}/{settings.Database}" : "***";

    private static NpgsqlConnectionStringBuilder? TryRead(string text)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception wrong) when (wrong is ArgumentException or FormatException)
        {
            return null;
        }
    }
}
