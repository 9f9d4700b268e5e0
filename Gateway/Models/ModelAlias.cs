using System.Diagnostics.CodeAnalysis;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Gateway.Models;

/// <summary>What another name of a model stands for.</summary>
/// <param name="ModelName">The model's own name.</param>
/// <param name="ContentHashPrefix">First hex digits of the content hash that is meant; empty: any, the newest first.</param>
public sealed record ModelAlias(string ModelName, string ContentHashPrefix = "")
{
    private const int FewestHashDigits = 4;
    private const int HashDigits = 64;

    /// <summary>Reads <c>MODEL</c> or <c>MODEL@HASH</c>, where HASH is the beginning of the content hash, 4 digits or more.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ModelAlias? alias)
    {
        ArgumentNullException.ThrowIfNull(text);
        int at = text.LastIndexOf('@');
        string name = at < 0 ? text : text[..at];
        string hash = at < 0 ? "" : text[(at + 1)..].ToLowerInvariant();
        bool isHash = at < 0 || hash.Length is >= FewestHashDigits and <= HashDigits && hash.All(char.IsAsciiHexDigitLower);
        alias = name.Length > 0 && isHash ? new ModelAlias(name, hash) : null;
        return alias is not null;
    }

    public bool Matches(ModelReference model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Name == ModelName && model.ContentHash.StartsWith(ContentHashPrefix, StringComparison.Ordinal);
    }

    public override string ToString() => ContentHashPrefix.Length == 0 ? ModelName : $"{ModelName}@{ContentHashPrefix}";
}
