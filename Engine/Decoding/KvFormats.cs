using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Decoding;

/// <summary>Names of KV formats, and which goes with which weights.</summary>
public static class KvFormats
{
    /// <summary>What users write.</summary>
    public static IReadOnlyDictionary<string, KvFormat> ByName { get; } = new Dictionary<string, KvFormat>
    {
        ["f32"] = KvFormat.F32,
        ["bf16"] = KvFormat.BF16,
        ["int8"] = KvFormat.Int8,
    };

    /// <summary>The format's own name.</summary>
    public static string Name(this KvFormat format) => ByName.First(pair => pair.Value == format).Key;

    /// <summary>
    /// What is taken where none is asked for: the reference with reference weights, else bf16, whose rounding is far below that of rounded
    /// weights and which takes half the time to read at long contexts.
    /// </summary>
    public static KvFormat For(WeightFormat weights) => weights == WeightFormat.F32 ? KvFormat.F32 : KvFormat.BF16;

    /// <summary>Element type of the cache's tensors.</summary>
    internal static TensorElement Element(this KvFormat format) => format switch
    {
        KvFormat.F32 => TensorElement.F32,
        KvFormat.BF16 => TensorElement.BF16,
        _ => TensorElement.U8,
    };

    /// <summary>Elements that a token and head takes; with int8 its scale counts as four.</summary>
    internal static int TokenElements(this KvFormat format, int headDim) => format == KvFormat.Int8 ? headDim + sizeof(float) : headDim;

    /// <summary>Bytes that a token and head takes, keys or values.</summary>
    internal static int TokenBytes(this KvFormat format, int headDim) => format switch
    {
        KvFormat.F32 => headDim * sizeof(float),
        KvFormat.BF16 => headDim * sizeof(ushort),
        _ => headDim + sizeof(float),
    };
}
