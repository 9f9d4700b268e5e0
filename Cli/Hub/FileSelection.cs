using System.IO.Enumeration;

namespace GlmCluster.Cli.Hub;

/// <summary>Which of a published model's files are pulled.</summary>
/// <param name="Include">Patterns with <c>*</c> and <c>?</c> over whole paths; empty: what the server reads.</param>
/// <param name="Exclude">Patterns of what is left out whatever is included.</param>
internal sealed record FileSelection(IReadOnlyList<string> Include, IReadOnlyList<string> Exclude)
{
    /// <summary>Weights of other programs.</summary>
    private static readonly string[] Foreign = ["*.onnx", "*.onnx_data", "onnx/*", "openvino/*", "*.h5", "*.msgpack", "*.ot", "*.gguf", "*.pt", "*.pth", "*.tflite", "*.mlmodel"];

    public IReadOnlyList<HubFile> Apply(IReadOnlyList<HubFile> files)
    {
        bool hasSafetensors = files.Any(file => file.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase));
        bool IsWanted(HubFile file) => Include.Count > 0
            ? Matches(file, Include)
            : !Path.GetFileName(file.Path).StartsWith('.') && !Matches(file, Foreign) && !(hasSafetensors && Matches(file, ["*.bin", "*.bin.index.json"]));
        return [.. files.Where(file => IsWanted(file) && !Matches(file, Exclude))];
    }

    private static bool Matches(HubFile file, IEnumerable<string> patterns) =>
        patterns.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, file.Path, ignoreCase: true));
}
