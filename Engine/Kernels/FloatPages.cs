namespace GlmCluster.Engine.Kernels;

/// <summary>Pages of floats, which are read where they lie.</summary>
internal sealed unsafe class FloatPages(AttentionShape shape) : KvPages(shape)
{
    public override int PageBytes => PageTokens * HeadDim * sizeof(float);

    public override void WriteKey(byte* page, int slot, float* key)
    {
        float* target = (float*)page + slot;
        for (int d = 0; d < HeadDim; d++, target += PageTokens)
        {
            *target = key[d];
        }
    }

    public override void WriteValue(byte* page, int slot, float* value) =>
        new ReadOnlySpan<float>(value, HeadDim).CopyTo(new Span<float>((float*)page + (slot * HeadDim), HeadDim));

    public override float* ReadKeys(byte* page, float* scratch) => (float*)page;

    public override float* ReadValues(byte* page, float* scratch) => (float*)page;
}
