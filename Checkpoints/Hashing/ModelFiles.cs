using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Hashing;

/// <summary>The files of a folder that decide what a model answers.</summary>
internal static class ModelFiles
{
    private static readonly string[] TextFiles =
    [
        DecoderConfigurationReader.FileName,
        "generation_config.json",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "chat_template.jinja",
        "chat_template.json",
        "ice_text.model",
        "sentencepiece.bpe.model",
        "vocab.txt",
    ];

    /// <summary>Names of those that exist, in ordinal order; what else lies in the folder does not count.</summary>
    /// <exception cref="CheckpointException">The folder has no weights that can be read.</exception>
    public static IReadOnlyList<string> List(string folder) =>
    [
        .. WeightFolder.FileNames(folder)
            .Concat(TextFiles.Where(name => File.Exists(Path.Combine(folder, name))))
            .Concat(EmbeddingRecipeReader.FileNames(folder))
            .Order(StringComparer.Ordinal),
    ];
}
