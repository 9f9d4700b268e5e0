using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.TestKit;

namespace GlmCluster.Gateway.Tests.Hosting;

/// <summary>The demo model's text side, and answers it gave.</summary>
internal static class Nano
{
    public const int EndOfText = 4086;
    public const int UserId = 4093;
    public const int ObservationId = 4095;

    public const string Name = "glm-nano";
    public const int ContextTokens = 4096;

    public static TextAssets Assets { get; } = TextAssets.FromFolder(RepositoryFolder.Path("assets", "glm-nano"));

    /// <summary>The tokenizer file, to be put under another model's layout.</summary>
    public static ReadOnlyMemory<byte> TokenizerJson { get; } = File.ReadAllBytes(RepositoryFolder.Path("assets", "glm-nano", "tokenizer.json"));

    public static TextModel Text { get; } = TextModel.Load(Assets);

    public static ModelCard Card { get; } = new()
    {
        Model = new ModelReference(Name, new string('a', 64)),
        Architecture = "glm",
        ContextTokens = ContextTokens,
        VocabularySize = 4096,
        StopIds = [EndOfText, UserId, ObservationId],
        DefaultSampling = new SamplingSettings { Temperature = 0.3f, TopP = 0.8f },
        TextAssetsHash = Assets.Hash,
        WeightFormat = "f32",
        NumericsClass = "fp_test",
        PublishedAt = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
    };

    /// <summary>Ids of a reply as the model gives it: the header's line feed, the text, the token that starts the user's turn.</summary>
    public static ImmutableArray<int> Reply(string text) => [.. Encode("\n" + text), UserId];

    /// <summary>Ids of a call as the model gives it.</summary>
    public static ImmutableArray<int> Call(string name, string arguments) => [.. Encode($"{name}\n{arguments}"), ObservationId];

    public static List<int> Encode(string text)
    {
        var ids = new List<int>();
        Text.Tokenizer.Encode(text, ids);
        return ids;
    }

    /// <summary>The text of a prompt, special tokens as their names.</summary>
    public static string Decode(IEnumerable<int> ids)
    {
        var text = new StringBuilder();
        foreach (int id in ids)
        {
            text.Append(id switch
            {
                UserId => "<|user|>",
                4094 => "<|assistant|>",
                ObservationId => "<|observation|>",
                4092 => "<|system|>",
                _ => Encoding.UTF8.GetString(Text.Tokenizer.GetBytes(id)),
            });
        }

        return text.ToString();
    }

    public static JsonNode WeatherTool { get; } = JsonNode.Parse(
        """
        {"type":"function","function":{"name":"get_weather","description":"查询天气",
        "parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}
        """)!;
}
