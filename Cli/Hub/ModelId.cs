using System.Diagnostics.CodeAnalysis;

namespace GlmCluster.Cli.Hub;

/// <summary>Name of a published model, ORG/NAME. Both parts are safe as folder names.</summary>
internal sealed record ModelId(string Organisation, string Name)
{
    private const int LongestPart = 96;

    public static bool TryParse(string? text, [NotNullWhen(true)] out ModelId? id)
    {
        id = text?.Split('/') is [var organisation, var name] && IsPart(organisation) && IsPart(name) ? new ModelId(organisation, name) : null;
        return id is not null;
    }

    /// <summary>The model's folder in a folder of models.</summary>
    public string FolderIn(string modelsFolder) => Path.Combine(modelsFolder, Organisation, Name);

    public override string ToString() => $"{Organisation}/{Name}";

    // Neither "." nor "..", nothing hidden, and no characters that a file system minds.
    private static bool IsPart(string part) =>
        part.Length is > 0 and <= LongestPart
        && char.IsAsciiLetterOrDigit(part[0])
        && part[^1] != '.'
        && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
