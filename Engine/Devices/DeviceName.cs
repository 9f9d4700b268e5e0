using System.Collections.Immutable;
using System.Globalization;

namespace GlmCluster.Engine.Devices;

/// <summary>A device as settings name it, such as <c>cpu:0</c>.</summary>
/// <param name="Index">0 or more. Every CPU index is the same processor.</param>
public readonly record struct DeviceName(DeviceKind Kind, int Index)
{
    /// <summary>Reads a name.</summary>
    /// <exception cref="DeviceException">It is no device name; says what is known.</exception>
    public static DeviceName Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        DeviceKind? kind = (colon < 0 ? "" : text[..colon]) switch
        {
            "cpu" => DeviceKind.Cpu,
            "cuda" => DeviceKind.Cuda,
            _ => null,
        };
        return kind is DeviceKind known && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            ? new DeviceName(known, index)
            : throw new DeviceException($"\"{text}\" is no device; known are cpu:0 and cuda:0, cuda:1 and so on.");
    }

    /// <summary>Reads names with commas between them.</summary>
    /// <exception cref="DeviceException">One is no device name; says what is known.</exception>
    public static ImmutableArray<DeviceName> ParseList(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. text.Split(',').Select(Parse)];
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(Kind == DeviceKind.Cpu ? "cpu" : "cuda")}:{Index}");
}

/// <summary>Kinds of devices.</summary>
public enum DeviceKind
{
    Cpu,
    Cuda,
}

/// <summary>A device that does not exist or cannot be had; says what is missing.</summary>
public sealed class DeviceException(string message) : Exception(message);
