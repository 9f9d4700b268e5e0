using System.Collections.Immutable;
using System.Text.Json;

namespace GlmCluster.Checkpoints.Text;

/// <summary>Reads sampling defaults and stop ids from <c>generation_config.json</c>, then <c>config.json</c>, then the family's own.</summary>
internal static class GenerationDefaultsReader
{
    /// <exception cref="CheckpointException">A value is of the wrong type or out of range.</exception>
    public static GenerationDefaults Read(FolderJson generationConfig, FolderJson config, FolderTokenizer tokenizer)
    {
        ImmutableArray<int> stopIds = ReadStopIds(generationConfig);
        stopIds = stopIds.IsEmpty ? ReadStopIds(config) : stopIds;
        FamilyDefaults family = FamilyDefaults.Of(tokenizer.Family);
        if (stopIds.IsEmpty || family.AlwaysStops)
        {
            stopIds = [.. stopIds.Union(family.FindStops(tokenizer.Tokenizer))];
        }

        bool isGreedy = generationConfig.Find("do_sample", JsonValueKind.False) is not null;
        return new GenerationDefaults(
            isGreedy ? 0 : ReadNumber(generationConfig, "temperature", family.Temperature, value => value is >= 0 and <= 100, "0 to 100"),
            ReadNumber(generationConfig, "top_p", family.TopP, value => value is > 0 and <= 1, "above 0, up to 1"),
            (int)ReadNumber(generationConfig, "top_k", 0, value => value >= 0 && value <= 1 << 24 && float.IsInteger(value), "whole, from 0"),
            stopIds);
    }

    private static float ReadNumber(FolderJson file, string key, float absent, Func<float, bool> isSupported, string supported)
    {
        if (file.Find(key) is not JsonElement value)
        {
            return absent;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out float number) && isSupported(number)
            ? number
            : throw new CheckpointException($"{file.Name}: {key} is {value.GetRawText()}; supported are numbers {supported}.");
    }

    private static ImmutableArray<int> ReadStopIds(FolderJson file)
    {
        if (file.Find("eos_token_id") is not JsonElement value)
        {
            return [];
        }

        IEnumerable<JsonElement> ids = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [value];
        return [.. ids.Select(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int number) && number >= 0
            ? number
            : throw new CheckpointException($"{file.Name}: eos_token_id has {id.GetRawText()}, which is no id.")).Distinct()];
    }
}
