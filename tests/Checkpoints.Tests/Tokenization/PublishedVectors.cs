using System.Text.Json;
using GlmCluster.TestKit;

namespace GlmCluster.Checkpoints.Tests.Tokenization;

/// <summary>What expected.json says of the published tokenizers.</summary>
internal static class PublishedVectors
{
    private static readonly JsonElement Expected = JsonDocument.Parse(
        File.ReadAllBytes(RepositoryFolder.Path("tests", "data", "tokenizers", "expected.json"))).RootElement;

    /// <summary>Every vector of every family: its group, its family and its number there.</summary>
    public static IEnumerable<(string Group, string Family, int Index)> All() =>
        from @group in (string[])["public", "derived"]
        from family in Expected.GetProperty(@group).EnumerateObject()
        from index in Enumerable.Range(0, family.Value.GetProperty("vectors").GetArrayLength())
        select (@group, family.Name, index);

    public static JsonElement Get(string group, string family, int index) =>
        Expected.GetProperty(group).GetProperty(family).GetProperty("vectors")[index];

    /// <summary>What a vector is about; derived ones do not say it, and all but GLM-4's count the tokens around the text.</summary>
    public static string KindOf(string family, JsonElement vector) =>
        vector.TryGetProperty("kind", out JsonElement kind) ? kind.GetString()!
        : family == "glm-4-9b-chat" ? "encode_ordinary"
        : "encode_with_special";

    public static int[] IdsOf(JsonElement vector) => [.. vector.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
}
