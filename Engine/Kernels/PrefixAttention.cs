using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.Kernels;

/// <summary>
/// Attention of ChatGLM-6B: the tokens of a prefix see all of it, later ones what is before them; each half of a head has a position of its own.
/// </summary>
/// <remarks>
/// A token of the prefix has the positions (place, 0), a later one (place of the mask, distance from the prefix's end), as in the remote code's
/// <c>get_position_ids</c>. The step that has the last token of a prefix must have, or find in the cache, all before it.
/// </remarks>
internal sealed unsafe class PrefixAttention(AttentionShape shape, KvFormat format, SimdWidth width, int workers)
    : PagedAttention(shape, format, width, workers)
{
    /// <summary>q, k and v of a head follow one another.</summary>
    private const int PartsOfHead = 3;

    private readonly AttentionShape _half = new(1, 1, shape.HeadDim / 2, shape.RotaryDim, RotatesHalves: true);

    protected override void Append(in AttentionTile tile)
    {
        int headDim = Shape.HeadDim;
        float* key = stackalloc float[AttentionShape.LargestHeadDim];
        for (int i = 0; i < tile.Tokens; i++)
        {
            int place = tile.FirstPosition + i;
            int token = tile.FirstToken + i;
            (int position, int blockPosition) = place < tile.Prefix ? (place, 0) : (Step.MaskPositions[tile.Sequence], place - tile.Prefix + 1);
            int block = Step.BlockTable[(tile.Sequence * Step.TableWidth) + (place / AttentionShape.PageTokens)];
            for (int head = 0; head < Shape.Heads; head++)
            {
                float* source = Step.QueryKeyValue + ((((long)token * Shape.Heads) + head) * PartsOfHead * headDim);
                Rotate(source, Queries(head, token), position, blockPosition, Scale);
                Rotate(source + headDim, key, position, blockPosition, 1);
                long page = (((long)block * Shape.KvHeads) + head) * Pages.PageBytes;
                Pages.WriteKey(Step.KeyCache + page, place % AttentionShape.PageTokens, key);
                Pages.WriteValue(Step.ValueCache + page, place % AttentionShape.PageTokens, source + (2 * headDim));
            }
        }
    }

    private void Rotate(float* source, float* target, int position, int blockPosition, float scale)
    {
        int half = _half.HeadDim;
        int pairs = Shape.RotaryDim / 2;
        long first = (long)position * pairs;
        long second = (long)blockPosition * pairs;
        RotaryEmbedding.Rotate(source, target, _half, Step.Cosines + first, Step.Sines + first, scale);
        RotaryEmbedding.Rotate(source + half, target + half, _half, Step.Cosines + second, Step.Sines + second, scale);
    }
}
