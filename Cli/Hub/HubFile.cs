namespace GlmCluster.Cli.Hub;

/// <summary>A file of a published model.</summary>
/// <param name="Path">With <c>/</c> between folders; never leads out of the model's folder.</param>
/// <param name="ByteLength">Its length.</param>
/// <param name="Checksum">Hex digits: SHA-256 of the content where <paramref name="IsLarge"/>, else git's blob id.</param>
/// <param name="IsLarge">Kept outside git, in Large File Storage.</param>
internal sealed record HubFile(string Path, long ByteLength, string Checksum, bool IsLarge)
{
    public const string PartExtension = ".part";

    private const int PartDigits = 12;
    private const int LongestPath = 500;

    /// <summary>Full path below a model's folder.</summary>
    public string PathIn(string folder) => System.IO.Path.Combine([folder, .. Path.Split('/')]);

    /// <summary>Where it is kept until it is whole. Another version of the file has another name, so it is never continued.</summary>
    public string PartPathIn(string folder) => $"{PathIn(folder)}.{Checksum[..PartDigits]}{PartExtension}";

    /// <summary>Whether a path from a server may become a file below a folder, on every operating system.</summary>
    public static bool IsSafePath(string? path) =>
        path is { Length: > 0 and <= LongestPath } && path.Split('/').All(IsSafeName);

    public static bool IsChecksum(string? text, int digits) => text is not null && text.Length == digits && text.All(char.IsAsciiHexDigitLower);

    private static bool IsSafeName(string name) =>
        name is not ("" or "." or "..") && name[^1] is not ('.' or ' ') && !name.Any(c => char.IsControl(c) || c is '\\' or ':' or '*' or '?' or '"' or '<' or '>' or '|');
}
