using System.Security.Cryptography;
using System.Text;
using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.WeightCache;

/// <summary>Where quantised weights of one model and format are looked for, and where they are kept when they have to be made.</summary>
/// <param name="ContentHash">Of the model folder.</param>
/// <param name="ReadPaths">Files in the order in which they are tried.</param>
/// <param name="WritePath">File that is made when none of them can be used.</param>
public sealed record WeightCachePlan(string ContentHash, IReadOnlyList<string> ReadPaths, string WritePath)
{
    private const int PathDigits = 8;

    /// <summary>Beside the model first, where <c>glm model quantize</c> puts them, then in the cache folder.</summary>
    public static WeightCachePlan For(string modelFolder, string cacheFolder, string contentHash, WeightFormat format)
    {
        string cached = PathIn(cacheFolder, modelFolder, format);
        return new WeightCachePlan(contentHash, [PathBeside(modelFolder, format), cached], cached);
    }

    /// <summary>The file in the model's own folder.</summary>
    public static string PathBeside(string modelFolder, WeightFormat format) => Path.Combine(modelFolder, FileName("glm", format));

    /// <summary>The file in a folder that serves many models: named for the model's folder, so that a changed model replaces its old weights.</summary>
    private static string PathIn(string cacheFolder, string modelFolder, WeightFormat format)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(modelFolder));
        string digits = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(full)))[..PathDigits];
        return Path.Combine(cacheFolder, "weights", FileName($"{Path.GetFileName(full)}-{digits}", format));
    }

    private static string FileName(string start, WeightFormat format) => $"{start}.{format.Name()}.weights";
}
