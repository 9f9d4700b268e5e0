using System.Collections.Immutable;
using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Encoders;

/// <summary>
/// Reads the files of sentence-transformers: <c>modules.json</c>, the pooling's <c>config.json</c> and <c>sentence_bert_config.json</c>.
/// Where they are missing the family's defaults hold; what they ask for and cannot be done is refused.
/// </summary>
public static class EmbeddingRecipeReader
{
    private const int MaximumBytes = 1 << 20;
    private const string ModulesFile = "modules.json";
    private const string PoolingFolder = "1_Pooling";

    private static readonly string[] TransformerFiles =
        ["sentence_bert_config.json", "sentence_roberta_config.json", "sentence_xlm-roberta_config.json"];

    private static readonly (string Key, string Name, PoolingMode Mode)[] Modes =
    [
        ("pooling_mode_cls_token", "cls", PoolingMode.FirstToken),
        ("pooling_mode_max_tokens", "max", PoolingMode.Max),
        ("pooling_mode_mean_tokens", "mean", PoolingMode.Mean),
        ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", PoolingMode.MeanOfRoot),
        ("pooling_mode_weightedmean_tokens", "weightedmean", PoolingMode.WeightedMean),
        ("pooling_mode_lasttoken", "lasttoken", PoolingMode.LastToken),
    ];

    /// <summary>Names of the files that <see cref="Read"/> reads, as far as a folder has them, relative to it.</summary>
    internal static IReadOnlyList<string> FileNames(string folder)
    {
        string[] names = [ModulesFile, $"{FindPooling(folder, ReadModules(folder)) ?? PoolingFolder}/config.json", .. TransformerFiles];
        return [.. names.Where(name => File.Exists(Path.Combine(folder, name)))];
    }

    /// <exception cref="CheckpointException">A file is broken, or asks for what is not supported.</exception>
    public static EmbeddingRecipe Read(string folder, EncoderConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(configuration);
        List<Module>? modules = ReadModules(folder);
        bool normalizes = modules?.Any(module => module.Kind == "Normalize") ?? configuration.Family.NormalizesByDefault;
        string poolingFile = Path.Combine(folder, FindPooling(folder, modules) ?? PoolingFolder, "config.json");
        ImmutableArray<PoolingMode> pooling = modules is not null || File.Exists(poolingFile)
            ? ModelJson.ReadFile(poolingFile, MaximumBytes, keys => ReadPooling(keys, configuration))
            : [configuration.Family.DefaultPooling];
        return new EmbeddingRecipe(pooling, normalizes, ReadMaxTokens(folder, configuration));
    }

    /// <summary>Null: the folder does not say.</summary>
    private static List<Module>? ReadModules(string folder)
    {
        string path = Path.Combine(folder, ModulesFile);
        return File.Exists(path) ? ModelJson.ReadListFile(path, MaximumBytes, entries => ReadModules(path, entries)) : null;
    }

    private static List<Module> ReadModules(string path, IReadOnlyList<JsonKeys> entries)
    {
        List<Module> modules = [];
        foreach (JsonKeys entry in entries)
        {
            string type = entry.Text("type") ?? throw entry.Refuse("type", "a module of sentence-transformers");
            var module = new Module(type[(type.LastIndexOf('.') + 1)..], entry.Text("path") ?? "");
            bool isKnown = module.Kind switch
            {
                "Transformer" => modules.Count == 0 && module.Path.Length == 0,
                "Pooling" => Path.GetFileName(module.Path) == module.Path && module.Path is not ("" or "." or ".."),
                "Normalize" or "Dropout" => true,
                _ => false,
            };
            modules.Add(isKnown ? module : throw new CheckpointException(
                $"{path} has the module {type} in \"{module.Path}\"; supported: a Transformer in the folder itself, then Pooling in a folder beside it, "
                + "then Normalize."));
        }

        return modules.Count(module => module.Kind == "Pooling") == 1
            ? modules
            : throw new CheckpointException($"{path} has no module of type Pooling, or several; supported is one.");
    }

    private static string? FindPooling(string folder, List<Module>? modules) =>
        modules?.FirstOrDefault(module => module.Kind == "Pooling")?.Path is { } path && Directory.Exists(Path.Combine(folder, path)) ? path : null;

    private static ImmutableArray<PoolingMode> ReadPooling(JsonKeys keys, EncoderConfiguration configuration)
    {
        string widthKey = keys.Has("word_embedding_dimension") ? "word_embedding_dimension" : "embedding_dimension";
        if (keys.Integer(widthKey, 1, int.MaxValue, absent: configuration.HiddenSize) != configuration.HiddenSize)
        {
            throw keys.Refuse(widthKey, $"{configuration.HiddenSize}, the hidden size that config.json states");
        }

        // Newer files name the modes; older ones have a flag for each, of which only the mean is on where it is absent.
        ImmutableArray<PoolingMode> modes = keys.Has("pooling_mode")
            ? [.. keys.TextOrTexts("pooling_mode").Select(name => Array.Find(Modes, mode => mode.Name == name) is { Key: not null } found
                ? found.Mode
                : throw keys.Refuse("pooling_mode", string.Join(", ", Modes.Select(mode => mode.Name)))).Order()]
            : [.. Modes.Where(mode => keys.Flag(mode.Key, absent: mode.Mode == PoolingMode.Mean)).Select(mode => mode.Mode)];
        return modes.Length > 0 ? modes : throw keys.Refuse("pooling_mode_mean_tokens", "at least one pooling mode that is true");
    }

    /// <summary>The smallest of what the position table holds, the tokenizer states and sentence-transformers cuts at.</summary>
    private static int ReadMaxTokens(string folder, EncoderConfiguration configuration)
    {
        int most = configuration.ContextTokens;
        string? transformer = TransformerFiles.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        int? stated = transformer is null ? null : ModelJson.ReadFile(transformer, MaximumBytes, keys =>
        {
            RequireCase(keys, folder, configuration);
            return keys.Has("max_seq_length") ? Math.Min(most, keys.Integer("max_seq_length", 3, int.MaxValue)) : (int?)null;
        });
        return stated ?? Math.Min(most, ReadTokenizer(folder, absent: most, keys => keys.Has("model_max_length")
            ? (int)Math.Min(most, keys.Number("model_max_length", 3, double.MaxValue))
            : most));
    }

    /// <summary>Lower case is the tokenizer's affair; a folder that lower-cases where its tokenizer does not is not supported.</summary>
    private static void RequireCase(JsonKeys keys, string folder, EncoderConfiguration configuration)
    {
        bool lowersCase = configuration.Family == EncoderFamily.Bert && ReadTokenizer(folder, absent: true, tokenizer => tokenizer.Flag("do_lower_case", absent: true));
        if (keys.Flag("do_lower_case", absent: false) && !lowersCase)
        {
            throw keys.Refuse("do_lower_case", "false, for a tokenizer that keeps upper case");
        }
    }

    private static T ReadTokenizer<T>(string folder, T absent, Func<JsonKeys, T> read)
    {
        string path = Path.Combine(folder, "tokenizer_config.json");
        return File.Exists(path) ? ModelJson.ReadFile(path, 16 * MaximumBytes, read) : absent;
    }

    /// <param name="Kind">Last part of its type.</param>
    /// <param name="Path">Folder in the model's folder.</param>
    private sealed record Module(string Kind, string Path);
}
