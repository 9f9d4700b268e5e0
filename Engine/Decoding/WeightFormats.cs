namespace GlmCluster.Engine.Decoding;

/// <summary>Names and sizes of weight formats.</summary>
public static class WeightFormats
{
    /// <summary>What users write: one name per format, and <c>int4</c> for the usual one of its kind.</summary>
    public static IReadOnlyDictionary<string, WeightFormat> ByName { get; } = new Dictionary<string, WeightFormat>
    {
        ["f32"] = WeightFormat.F32,
        ["int8"] = WeightFormat.Int8,
        ["int4"] = WeightFormat.Int4Block32,
        ["int4-32"] = WeightFormat.Int4Block32,
        ["int4-128"] = WeightFormat.Int4Block128,
    };

    /// <summary>The format's own name.</summary>
    public static string Name(this WeightFormat format) => ByName.Last(pair => pair.Value == format).Key;

    /// <summary>Columns of a row that share a scale; null: the whole row, or no scale at all.</summary>
    internal static int? BlockColumns(this WeightFormat format) => format switch
    {
        WeightFormat.Int4Block32 => 32,
        WeightFormat.Int4Block128 => 128,
        _ => null,
    };

    /// <summary>Bytes of a matrix.</summary>
    /// <param name="rows">Outputs.</param>
    /// <param name="columns">Inputs.</param>
    internal static long MatrixBytes(this WeightFormat format, long rows, long columns)
    {
        if (format.BlockColumns() is int block)
        {
            return rows * ((columns + block - 1) / block) * ((block / 2) + sizeof(float));
        }

        return format == WeightFormat.F32 ? rows * columns * sizeof(float) : rows * (columns + sizeof(float));
    }
}
