using System.Collections.Immutable;
using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Encoders;

/// <summary>A published line of text encoders. They compute the same; they differ in positions, names and what is meant where files are missing.</summary>
/// <remarks>After <c>modeling_bert.py</c> and <c>modeling_xlm_roberta.py</c> of Hugging Face transformers.</remarks>
public sealed class EncoderFamily
{
    private EncoderFamily()
    {
    }

    /// <summary>BERT.</summary>
    public static EncoderFamily Bert { get; } = new()
    {
        ModelType = "bert",
        Models = "text2vec-large-chinese, bge-*-zh, m3e-*",
        TensorPrefix = "bert.",
        DefaultPooling = PoolingMode.Mean,
    };

    /// <summary>XLM-RoBERTa, whose positions start behind the padding id.</summary>
    public static EncoderFamily XlmRoberta { get; } = new()
    {
        ModelType = "xlm-roberta",
        Models = "bge-m3",
        TensorPrefix = "roberta.",
        CountsPositionsFromPadding = true,
        DefaultPooling = PoolingMode.FirstToken,
        NormalizesByDefault = true,
    };

    /// <summary>The one list of supported encoder families.</summary>
    public static ImmutableArray<EncoderFamily> All { get; } = [Bert, XlmRoberta];

    /// <summary><c>model_type</c> in <c>config.json</c>.</summary>
    public required string ModelType { get; init; }

    /// <summary>Names of published models, for messages.</summary>
    public required string Models { get; init; }

    /// <summary>What the names of tensors may begin with: checkpoints of a model with a head have it.</summary>
    public required string TensorPrefix { get; init; }

    /// <summary>Whether the first token's position is the padding id + 1; else 0.</summary>
    public bool CountsPositionsFromPadding { get; init; }

    /// <summary>Meant where a folder has no <c>1_Pooling/config.json</c>: what the family's best known such model was trained with.</summary>
    public required PoolingMode DefaultPooling { get; init; }

    /// <summary>Likewise where it has no <c>modules.json</c>.</summary>
    public bool NormalizesByDefault { get; init; }

    internal static EncoderFamily? Find(JsonKeys keys) => All.FirstOrDefault(family => family.ModelType == keys.Text("model_type"));
}
