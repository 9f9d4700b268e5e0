namespace GlmCluster.Engine.Kernels;

/// <summary>Rotary position embedding as GLM has it: pairs of the leading dimensions; the rest passes unchanged.</summary>
internal static unsafe class RotaryEmbedding
{
    /// <param name="source">Shape (headDim,).</param>
    /// <param name="target">Shape (headDim,); not the source.</param>
    /// <param name="cosines">Of the token's position, shape (rotaryDim / 2,).</param>
    /// <param name="scale">Factor of the result.</param>
    public static void Rotate(float* source, float* target, AttentionShape shape, float* cosines, float* sines, float scale)
    {
        int pairs = shape.RotaryDim / 2;
        (int step, int partner) = shape.RotatesHalves ? (1, pairs) : (2, 1);
        for (int pair = 0, first = 0; pair < pairs; pair++, first += step)
        {
            float a = source[first];
            float b = source[first + partner];
            target[first] = ((a * cosines[pair]) - (b * sines[pair])) * scale;
            target[first + partner] = ((a * sines[pair]) + (b * cosines[pair])) * scale;
        }

        for (int d = shape.RotaryDim; d < shape.HeadDim; d++)
        {
            target[d] = source[d] * scale;
        }
    }
}
