using System.Collections.Immutable;

namespace GlmCluster.Cli.Settings;

/// <summary>One model to run.</summary>
/// <param name="Folder">Hugging Face folder, full path.</param>
/// <param name="Name">Name clients ask for; null: the folder's.</param>
/// <param name="Own">Settings that it has for itself; the server's count for the rest.</param>
internal sealed record ModelEntry(string Folder, string? Name, ImmutableArray<(Setting Setting, SettingText Text)> Own)
{
    public ModelEntry(string folder, string? name)
        : this(folder, name, [])
    {
    }
}
