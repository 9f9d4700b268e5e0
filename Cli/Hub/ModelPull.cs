using System.Globalization;
using System.Text.Json;

namespace GlmCluster.Cli.Hub;

/// <summary>What to pull, and where to.</summary>
/// <param name="Model">Published name.</param>
/// <param name="Revision">Branch, tag or commit.</param>
/// <param name="Folder">Full path; made where it is not there.</param>
/// <param name="Endpoint">The server, for the record beside the files.</param>
internal sealed record PullOrder(ModelId Model, string Revision, string Folder, Uri Endpoint, FileSelection Selection);

/// <summary>What a pull did.</summary>
internal sealed record PullReport(string Commit, int Files, long Bytes);

/// <summary>Brings a published model's files into a folder. Called again, it goes on where it was.</summary>
/// <param name="hub">The server.</param>
/// <param name="retry">For what may pass.</param>
/// <param name="freeBytes">Free bytes of the file system that a folder is on.</param>
/// <param name="progress">Told how many bytes there will be, and of each that is there.</param>
internal sealed class ModelPull(HubClient hub, HubRetry retry, Func<string, long> freeBytes, PullProgress progress)
{
    /// <summary>Kept in a pulled model's folder.</summary>
    public const string RecordName = ".glm-pull.json";

    private const int FilesAtOnce = 4;

    /// <exception cref="HubException">It cannot be had; the message says why.</exception>
    public async Task<PullReport> RunAsync(PullOrder order, CancellationToken cancellationToken)
    {
        string commit = await retry.RunAsync(token => hub.FindCommitAsync(order.Model, order.Revision, token), () => 0, cancellationToken);
        IReadOnlyList<HubFile> all = await retry.RunAsync(token => hub.ListAsync(order.Model, commit, token), () => 0, cancellationToken);
        IReadOnlyList<HubFile> files = order.Selection.Apply(all);
        if (files.Count == 0)
        {
            throw new HubException($"None of the {all.Count} files of {order.Model} is selected. Check --include and --exclude.");
        }

        Directory.CreateDirectory(order.Folder);
        RequireSpace(files, order.Folder);
        progress.Begin(files.Sum(file => file.ByteLength));
        await WriteRecordAsync(order, commit, complete: false, cancellationToken);
        var pull = new FilePull(hub, order.Model, commit, retry, progress.Add);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = FilesAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(files, parallel, async (file, token) => await pull.PullAsync(file, order.Folder, token));
        await WriteRecordAsync(order, commit, complete: true, cancellationToken);
        return new PullReport(commit, files.Count, files.Sum(file => file.ByteLength));
    }

    /// <summary>Reads the record of a pulled model. Null: there is none that can be read.</summary>
    public static PullRecord? ReadRecord(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(folder, RecordName)), HubJsonContext.Default.PullRecord);
        }
        catch (Exception none) when (none is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    private static Task WriteRecordAsync(PullOrder order, string commit, bool complete, CancellationToken cancellationToken) => File.WriteAllBytesAsync(
        Path.Combine(order.Folder, RecordName),
        JsonSerializer.SerializeToUtf8Bytes(
            new PullRecord(order.Model.ToString(), commit, order.Endpoint.GetLeftPart(UriPartial.Path), complete), HubJsonContext.Default.PullRecord),
        cancellationToken);

    /// <summary>What is there of a file needs no room again, unless it turns out to be wrong.</summary>
    private void RequireSpace(IReadOnlyList<HubFile> files, string folder)
    {
        long needed = files.Sum(file => Math.Max(0, file.ByteLength - Math.Max(Length(file.PathIn(folder), file.ByteLength), Length(file.PartPathIn(folder), null))));
        long free = freeBytes(folder);
        if (needed > free)
        {
            throw new HubException(string.Create(
                CultureInfo.InvariantCulture,
                $"The files need {needed:N0} more bytes, and {folder} has {free:N0} free. Make room, or choose another folder with --to."));
        }
    }

    /// <param name="path">A file that may not be there.</param>
    /// <param name="only">A file of another length counts as none; null: any counts.</param>
    private static long Length(string path, long? only)
    {
        var info = new FileInfo(path);
        return info.Exists && (only is null || info.Length == only) ? info.Length : 0;
    }
}
