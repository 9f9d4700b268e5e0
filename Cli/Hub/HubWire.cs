using System.Text.Json.Serialization;

namespace GlmCluster.Cli.Hub;

/// <summary>Body of <c>GET /api/models/ORG/NAME/revision/REVISION</c>, as far as it is used.</summary>
/// <param name="Sha">The commit that the revision names.</param>
internal sealed record HubRevision(string? Sha);

/// <summary>Member of <c>GET /api/models/ORG/NAME/tree/REVISION</c>.</summary>
/// <param name="Type"><c>file</c> or <c>directory</c>.</param>
/// <param name="Oid">Git's blob id of the file, or of what stands for it.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Path">With <c>/</c> between folders.</param>
/// <param name="Lfs">Where the content is kept outside git.</param>
internal sealed record HubTreeEntry(string? Type, string? Oid, long Size, string? Path, HubLargeFile? Lfs);

/// <param name="Oid">SHA-256 of the content.</param>
/// <param name="Size">Bytes.</param>
internal sealed record HubLargeFile(string? Oid, long Size);

/// <summary>What is kept beside a pulled model.</summary>
/// <param name="Model">ORG/NAME.</param>
/// <param name="Revision">The commit.</param>
/// <param name="Endpoint">Where it came from.</param>
/// <param name="Complete">All files have arrived.</param>
internal sealed record PullRecord(string Model, string Revision, string Endpoint, bool Complete);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(HubRevision))]
[JsonSerializable(typeof(HubTreeEntry[]))]
[JsonSerializable(typeof(PullRecord))]
internal sealed partial class HubJsonContext : JsonSerializerContext;
