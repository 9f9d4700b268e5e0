using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.Kernels;

/// <summary>Attention of texts whose tokens all see their whole text, without rotation. Keys and values are kept for the step only.</summary>
/// <remarks>A text is a sequence that is all prefix, so that the arithmetic and its order are those of <see cref="PagedAttention"/>.</remarks>
internal sealed unsafe class EncoderAttention(AttentionShape shape, SimdWidth width, int workers)
    : PagedAttention(shape, KvFormat.F32, width, workers)
{
    protected override void Append(in AttentionTile tile)
    {
        int headDim = Shape.HeadDim;
        for (int i = 0; i < tile.Tokens; i++)
        {
            (int token, int position) = (tile.FirstToken + i, tile.FirstPosition + i);
            int block = Step.BlockTable[(tile.Sequence * Step.TableWidth) + (position / AttentionShape.PageTokens)];
            float* queries = Step.QueryKeyValue + ((long)token * Shape.PackedWidth);
            for (int head = 0; head < Shape.Heads; head++)
            {
                float* query = queries + (head * headDim);
                float* target = Queries(head, token);
                for (int d = 0; d < headDim; d++)
                {
                    target[d] = query[d] * Scale;
                }

                float* key = query + (Shape.Heads * headDim);
                long page = (((long)block * Shape.KvHeads) + head) * Pages.PageBytes;
                Pages.WriteKey(Step.KeyCache + page, position % AttentionShape.PageTokens, key);
                Pages.WriteValue(Step.ValueCache + page, position % AttentionShape.PageTokens, key + (Shape.Heads * headDim));
            }
        }
    }
}
