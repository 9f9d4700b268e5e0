namespace GlmCluster.Engine.Kernels;

/// <summary>
/// How 4-bit weights lie in memory for <see cref="Int4Product"/>: tiles of 32 outputs, each one stream that is read from its start to its end.
/// </summary>
/// <remarks>
/// A tile is, for every group of columns that share a scale: 32 scales (f32, one per output), then for every four columns 64 bytes. Byte j of
/// these holds column j % 4 of output j / 4 in its low nibble and of output 16 + j / 4 in its high one. So one load and three cheap operations
/// give two vectors with four columns of an output in every lane, and a product takes the same four columns of a token in every lane.
/// </remarks>
/// <param name="Outputs">Rows of the matrix.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="GroupColumns">Columns that share a scale; a multiple of 32.</param>
internal readonly record struct Int4Layout(int Outputs, int Columns, int GroupColumns)
{
    public const int TileOutputs = 32;

    /// <summary>Columns whose products are summed in whole numbers: 16 bits can hold as many.</summary>
    public const int BlockColumns = 32;

    /// <summary>Bytes of four columns of a tile.</summary>
    public const int QuadBytes = 64;

    public int Tiles => (Outputs + TileOutputs - 1) / TileOutputs;

    public int Groups => (Columns + GroupColumns - 1) / GroupColumns;

    /// <summary>Blocks of the columns, filled up to a whole group.</summary>
    public int Blocks => Groups * (GroupColumns / BlockColumns);

    public int TileBytes => Groups * GroupBytes;

    private int GroupBytes => (TileOutputs * sizeof(float)) + (GroupColumns / 4 * QuadBytes);

    /// <summary>Packs one tile.</summary>
    /// <param name="tile">Number of the tile.</param>
    /// <param name="nibbles">Shape (outputs, groups, groupColumns / 2): the even column in the low nibble, nibble = number + 8.</param>
    /// <param name="scales">Shape (outputs, groups).</param>
    /// <param name="target">As many bytes as <see cref="TileBytes"/>, cleared.</param>
    public unsafe void Pack(int tile, byte* nibbles, float* scales, byte* target)
    {
        for (int group = 0; group < Groups; group++, target += GroupBytes)
        {
            for (int i = 0; i < Math.Min(TileOutputs, Outputs - (tile * TileOutputs)); i++)
            {
                long source = (((long)tile * TileOutputs) + i) * Groups + group;
                ((float*)target)[i] = scales[source];
                PackOutput(i, nibbles + (source * (GroupColumns / 2)), target + (TileOutputs * sizeof(float)));
            }
        }
    }

    private unsafe void PackOutput(int output, byte* nibbles, byte* quads)
    {
        int shift = output < TileOutputs / 2 ? 0 : 4;
        byte* target = quads + (output % (TileOutputs / 2) * 4);
        for (int column = 0; column < GroupColumns; column += 2)
        {
            byte pair = nibbles[column / 2];
            byte* place = target + (column / 4 * QuadBytes) + (column % 4);
            place[0] |= (byte)((pair & 15) << shift);
            place[1] |= (byte)((pair >> 4) << shift);
        }
    }
}
