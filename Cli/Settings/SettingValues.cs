using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using GlmCluster.Engine.Loop;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Settings;

/// <summary>How values are written: sizes, durations, devices and words.</summary>
internal static class SettingValues
{
    private static readonly (string Suffix, long Bytes)[] ByteUnits =
        [("TB", 1L << 40), ("GB", 1L << 30), ("MB", 1L << 20), ("KB", 1L << 10), ("B", 1)];

    private static readonly (string Suffix, TimeSpan Time)[] TimeUnits =
    [
        ("ms", TimeSpan.FromMilliseconds(1)), ("d", TimeSpan.FromDays(1)), ("h", TimeSpan.FromHours(1)),
        ("m", TimeSpan.FromMinutes(1)), ("s", TimeSpan.FromSeconds(1)),
    ];

    public static IReadOnlyDictionary<string, CacheScope> CacheScopes { get; } = new Dictionary<string, CacheScope>
    {
        ["server"] = CacheScope.Server,
        ["caller"] = CacheScope.Caller,
    };

    public static IReadOnlyDictionary<string, LogLevel> LogLevels { get; } = new Dictionary<string, LogLevel>
    {
        ["trace"] = LogLevel.Trace,
        ["debug"] = LogLevel.Debug,
        ["information"] = LogLevel.Information,
        ["warning"] = LogLevel.Warning,
        ["error"] = LogLevel.Error,
        ["none"] = LogLevel.None,
    };

    /// <summary>Reads a whole number of B, KB, MB, GB or TB (powers of 1,024); without a unit, bytes.</summary>
    public static bool TryBytes(string text, out long bytes)
    {
        (string suffix, long unit) = ByteUnits.FirstOrDefault(u => text.EndsWith(u.Suffix, StringComparison.OrdinalIgnoreCase), ("", 1));
        bytes = 0;
        if (!TryCount(text, suffix, out long count) || count > long.MaxValue / unit)
        {
            return false;
        }

        bytes = count * unit;
        return true;
    }

    /// <summary>Reads a whole number of ms, s, m, h or d.</summary>
    public static bool TryDuration(string text, out TimeSpan duration)
    {
        (string suffix, TimeSpan unit) = TimeUnits.FirstOrDefault(u => text.EndsWith(u.Suffix, StringComparison.Ordinal));
        duration = TimeSpan.Zero;
        if (suffix is null || !TryCount(text, suffix, out long count) || count > TimeSpan.MaxValue.Ticks / unit.Ticks)
        {
            return false;
        }

        duration = unit * count;
        return true;
    }

    /// <summary>Writes bytes in the largest unit that needs no fraction.</summary>
    public static string ShowBytes(long bytes)
    {
        (string suffix, long unit) = ByteUnits.First(u => bytes % u.Bytes == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{bytes / unit}{suffix}");
    }

    /// <summary>Writes a duration in the largest unit that needs no fraction.</summary>
    public static string ShowDuration(TimeSpan duration)
    {
        (string suffix, TimeSpan unit) = TimeUnits.OrderByDescending(u => u.Time).First(u => duration.Ticks % u.Time.Ticks == 0 || u.Suffix == "ms");
        return duration == TimeSpan.Zero ? "0s" : string.Create(CultureInfo.InvariantCulture, $"{duration.Ticks / unit.Ticks}{suffix}");
    }

    /// <summary>Whether the text has the form of a device; whether there is such a device the engine finds out.</summary>
    public static bool IsDevice(string text) =>
        text.Split(',').All(name => name.Split(':') is ["cpu" or "cuda", { Length: > 0 and <= 3 } index] && index.All(char.IsAsciiDigit));

    /// <summary>Whether the text is the address of an HTTP server; it has no name or password in it.</summary>
    public static bool TryUrl(string text, [NotNullWhen(true)] out Uri? url) =>
        Uri.TryCreate(text, UriKind.Absolute, out url) && url is { Scheme: "http" or "https", UserInfo: "", Query: "", Fragment: "" };

    private static bool TryCount(string text, string suffix, out long count) =>
        long.TryParse(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out count);
}
