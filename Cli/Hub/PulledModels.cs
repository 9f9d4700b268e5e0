using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Encoders;

namespace GlmCluster.Cli.Hub;

/// <summary>A model in the folder of pulled models.</summary>
/// <param name="Name">ORG/NAME.</param>
/// <param name="Bytes">All its files.</param>
/// <param name="Kind">Its architecture, or why it cannot be served.</param>
/// <param name="Revision">The commit it was pulled at; null: it was put there by hand.</param>
/// <param name="Complete">Its files have all arrived.</param>
internal sealed record PulledModel(string Name, string Folder, long Bytes, string Kind, string? Revision, bool Complete);

/// <summary>The folder of pulled models: a folder per organisation, a folder per model in it.</summary>
internal static class PulledModels
{
    /// <summary>All models, in order of their names.</summary>
    public static IReadOnlyList<PulledModel> List(string modelsFolder) =>
    [
        .. from organisation in Folders(modelsFolder)
           from folder in Folders(organisation)
           let name = $"{Path.GetFileName(organisation)}/{Path.GetFileName(folder)}"
           where ModelId.TryParse(name, out _)
           orderby name
           select Describe(name, folder),
    ];

    /// <summary>The folder of a model that was named as <c>ORG/NAME</c>, read as a path.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="baseFolder">Where relative paths start.</param>
    /// <param name="modelsFolder">The folder of pulled models.</param>
    /// <returns>The path itself where it is there, or where no such model was pulled.</returns>
    public static string Resolve(string path, string baseFolder, string modelsFolder)
    {
        string relative = Path.GetRelativePath(baseFolder, path).Replace(Path.DirectorySeparatorChar, '/');
        return !Directory.Exists(path) && ModelId.TryParse(relative, out ModelId? id) && Directory.Exists(id.FolderIn(modelsFolder))
            ? id.FolderIn(modelsFolder)
            : path;
    }

    /// <summary>Removes a model and, where it was the last one, its organisation's folder. What links lead to stays.</summary>
    public static void Remove(ModelId id, string modelsFolder)
    {
        string folder = id.FolderIn(modelsFolder);
        Directory.Delete(folder, recursive: new DirectoryInfo(folder).LinkTarget is null);
        string organisation = Path.GetDirectoryName(folder)!;
        if (!Directory.EnumerateFileSystemEntries(organisation).Any())
        {
            Directory.Delete(organisation);
        }
    }

    public static long ByteLength(string folder) =>
        new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);

    private static PulledModel Describe(string name, string folder)
    {
        PullRecord? record = ModelPull.ReadRecord(folder);
        return new PulledModel(name, folder, ByteLength(folder), Kind(folder), record?.Revision, record?.Complete ?? true);
    }

    private static string Kind(string folder)
    {
        try
        {
            return EncoderConfigurationReader.IsEncoder(folder)
                ? $"embedding, {EncoderConfigurationReader.Read(folder).Family.ModelType}"
                : $"chat, {DecoderConfigurationReader.Read(folder).Family.ModelType}";
        }
        catch (CheckpointException problem)
        {
            return $"not served: {problem.Message}";
        }
    }

    private static IEnumerable<string> Folders(string folder) => Directory.Exists(folder) ? Directory.EnumerateDirectories(folder) : [];
}
