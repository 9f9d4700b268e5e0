using System.Collections.Immutable;
using GlmCluster.Gateway.Models;

namespace GlmCluster.Cli.Settings;

/// <summary>The text form of the setting <c>aliases</c>: <c>NAME=MODEL</c> or <c>NAME=MODEL@HASH</c>, several with commas between them.</summary>
internal static class AliasText
{
    private const int LongestName = 200;

    /// <returns>The aliases with those of the text added, which win; null: it cannot be read.</returns>
    public static ImmutableSortedDictionary<string, ModelAlias>? Add(ImmutableSortedDictionary<string, ModelAlias> aliases, string text)
    {
        foreach (string pair in text.Split(','))
        {
            if (pair.Split('=') is not [{ Length: > 0 and <= LongestName } name, var model] || !ModelAlias.TryParse(model, out ModelAlias? alias))
            {
                return null;
            }

            aliases = aliases.SetItem(name, alias);
        }

        return aliases;
    }

    public static string Show(ImmutableSortedDictionary<string, ModelAlias> aliases) =>
        aliases.IsEmpty ? "none" : string.Join(',', aliases.Select(pair => $"{pair.Key}={pair.Value}"));
}
