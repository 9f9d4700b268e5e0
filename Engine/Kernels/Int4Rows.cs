namespace GlmCluster.Engine.Kernels;

/// <summary>Rows of activations as <see cref="Int4Product"/> takes them: value ≈ byte · scale in blocks of 32 columns.</summary>
internal unsafe struct Int4Rows
{
    /// <summary>Shape (rows, blocks, 32): numbers from -127 to 127.</summary>
    public sbyte* Values;

    /// <summary>Shape (rows, blocks).</summary>
    public float* Scales;

    /// <summary>
    /// Shape (rows, blocks): two 16-bit numbers, what a block's sums of byte · nibble have too much because nibbles are numbers + 8, negated:
    /// -8 times the sum of the bytes of columns 0 and 1 of every four, and of columns 2 and 3.
    /// </summary>
    public int* Corrections;

    public int Blocks;
}
