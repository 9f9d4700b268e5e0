using System.Runtime.Intrinsics;
using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.Kernels;

/// <summary>
/// Multi-head latent attention with one formula for prefill and decode: queries are brought into the latent space, so that all heads share
/// one cached row per token, which is key and value; what they collect is brought back to each head's value.
/// </summary>
/// <remarks>
/// score = q·Wk·c + rope(q')·rope(k') and value = Wv·(Σ p·c) (arXiv:2405.04434, section 2.1, with Wk and Wv absorbed). A step is
/// <see cref="BeginLatent"/>, every unit of <see cref="Absorb"/>, the phases of <see cref="PagedAttention"/>, every unit of <see cref="Expand"/>.
/// </remarks>
internal abstract unsafe class LatentAttention(AttentionShape shape, LatentShape latent, KvFormat format, SimdWidth width, int workers)
    : PagedAttention(shape with { SharedValueDim = latent.LatentWidth }, latent.QueryDim, format, width, workers)
{
    /// <summary>Tokens whose latent rows stay in the first cache while weights pass.</summary>
    private const int TileTokens = 16;

    private readonly ScratchMemory _collectedMemory = new();
    private readonly ScratchMemory _rowMemory = new();
    private float* _collected; // (tokens, heads, latent)
    private float* _rows; // one widened weight row per worker
    private LatentStep _latentStep;

    public static LatentAttention Create(int heads, LatentShape latent, bool rotatesHalves, KvFormat format, SimdWidth width, int workers)
    {
        var shape = new AttentionShape(heads, KvHeads: 1, latent.LatentWidth + latent.RotaryDim, latent.RotaryDim, rotatesHalves);
        return width switch
        {
            SimdWidth.Bits512 => new LatentAttention<Simd512, Vector512<float>>(shape, latent, format, width, workers),
            SimdWidth.Bits256 => new LatentAttention<Simd256, Vector256<float>>(shape, latent, format, width, workers),
            _ => new LatentAttention<Simd128, Vector128<float>>(shape, latent, format, width, workers),
        };
    }

    protected LatentShape Latent { get; } = latent;

    protected ref readonly LatentStep LatentInputs => ref _latentStep;

    /// <summary>Takes a step's inputs; the output of <paramref name="step"/> is set here.</summary>
    public void BeginLatent(AttentionStep step, in LatentStep latentStep)
    {
        _latentStep = latentStep;
        _collected = _collectedMemory.Take<float>((long)step.Tokens * Shape.Heads * Latent.LatentWidth);
        _rows = _rowMemory.Take<float>((long)Workers * latentStep.KeyValueUp.PaddedColumns);
        step.Output = _collected;
        Begin(step);
    }

    /// <summary>Units of <see cref="Absorb"/> and of <see cref="Expand"/>: a head and some tokens each.</summary>
    public int ProjectionCount => Shape.Heads * ((Step.Tokens + TileTokens - 1) / TileTokens);

    /// <summary>Brings a head's queries of some tokens into the latent space.</summary>
    public abstract void Absorb(int unit, int worker);

    /// <summary>Brings what a head collected for some tokens back to its values.</summary>
    public abstract void Expand(int unit, int worker);

    protected (int Head, int FirstToken, int EndToken) Projection(int unit)
    {
        int first = unit / Shape.Heads * TileTokens;
        return (unit % Shape.Heads, first, Math.Min(Step.Tokens, first + TileTokens));
    }

    protected float* Collected(int token, int head) => _collected + ((((long)token * Shape.Heads) + head) * Latent.LatentWidth);

    /// <summary>A row of a head's part of the matrix, widened.</summary>
    protected float* WeightRow(int head, int row, int worker) => _latentStep.KeyValueUp.Row(
        0, (head * (Latent.PlainDim + Latent.ValueDim)) + row, _rows + ((long)worker * _latentStep.KeyValueUp.PaddedColumns));

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _collectedMemory.Dispose();
            _rowMemory.Dispose();
        }

        base.Dispose(disposing);
    }
}

/// <inheritdoc/>
internal sealed unsafe class LatentAttention<TSimd, TVector>(AttentionShape shape, LatentShape latent, KvFormat format, SimdWidth width, int workers)
    : LatentAttention(shape, latent, format, width, workers)
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    public override void Absorb(int unit, int worker)
    {
        (int head, int firstToken, int endToken) = Projection(unit);
        for (int token = firstToken; token < endToken; token++)
        {
            new Span<float>(Target(token, head), Latent.LatentWidth).Clear();
        }

        for (int row = 0; row < Latent.PlainDim; row++)
        {
            float* weights = WeightRow(head, row, worker);
            for (int token = firstToken; token < endToken; token++)
            {
                float factor = Source(token, head)[row] * Scale;
                RowMath<TSimd, TVector>.Combine(Target(token, head), 1, weights, factor, Latent.LatentWidth);
            }
        }
    }

    public override void Expand(int unit, int worker)
    {
        (int head, int firstToken, int endToken) = Projection(unit);
        for (int row = 0; row < Latent.ValueDim; row++)
        {
            float* weights = WeightRow(head, Latent.PlainDim + row, worker);
            for (int token = firstToken; token < endToken; token++)
            {
                LatentInputs.Output[(((long)token * Shape.Heads) + head) * Latent.ValueDim + row] =
                    RowMath<TSimd, TVector>.Dot(Collected(token, head), weights, Latent.LatentWidth);
            }
        }
    }

    /// <summary>Norms a tile's latent rows, rotates queries and keys, and writes latent rows and keys into their page.</summary>
    protected override void Append(in AttentionTile tile)
    {
        float* cached = stackalloc float[AttentionShape.LargestHeadDim];
        for (int i = 0; i < tile.Tokens; i++)
        {
            int position = tile.FirstPosition + i;
            int token = tile.FirstToken + i;
            float* cosines = Step.Cosines + ((long)position * (Latent.RotaryDim / 2));
            float* sines = Step.Sines + ((long)position * (Latent.RotaryDim / 2));
            for (int head = 0; head < Shape.Heads; head++)
            {
                Rotate(Source(token, head) + Latent.PlainDim, Target(token, head) + Latent.LatentWidth, cosines, sines, Scale);
            }

            float* keyValue = LatentInputs.KeyValue + ((long)token * Shape.HeadDim);
            RowMath<TSimd, TVector>.Norm(keyValue, LatentInputs.KeyValueNorm, LatentInputs.NormEpsilon, Latent.LatentWidth, cached);
            Rotate(keyValue + Latent.LatentWidth, cached + Latent.LatentWidth, cosines, sines, 1);
            int block = Step.BlockTable[(tile.Sequence * Step.TableWidth) + (position / AttentionShape.PageTokens)];
            Pages.WriteValue(Step.ValueCache + ((long)block * Pages.PageBytes), position % AttentionShape.PageTokens, cached);
        }
    }

    private void Rotate(float* source, float* target, float* cosines, float* sines, float scale) =>
        RotaryEmbedding.Rotate(source, target, Shape with { HeadDim = Latent.RotaryDim }, cosines, sines, scale);

    private float* Source(int token, int head) => LatentInputs.Queries + ((((long)token * Shape.Heads) + head) * Latent.QueryDim);

    private float* Target(int token, int head) => Queries(0, token) + (head * Shape.HeadDim);
}

/// <summary>Widths of latent attention.</summary>
/// <param name="LatentWidth">Cached row without the key's rotated part.</param>
/// <param name="PlainDim">Part of a head's query without position.</param>
/// <param name="RotaryDim">Part with position.</param>
/// <param name="ValueDim">Width of a head's value.</param>
internal readonly record struct LatentShape(int LatentWidth, int PlainDim, int RotaryDim, int ValueDim)
{
    /// <summary>Width of a head's query.</summary>
    public int QueryDim => PlainDim + RotaryDim;
}

/// <summary>What latent attention reads and writes besides <see cref="AttentionStep"/>.</summary>
internal unsafe struct LatentStep
{
    /// <summary>Shape (tokens, heads, plain and rotated query).</summary>
    public float* Queries;

    /// <summary>Shape (tokens, latent row and rotated key).</summary>
    public float* KeyValue;

    /// <summary>Weight of the latent row's norm.</summary>
    public float* KeyValueNorm;

    public float NormEpsilon;

    /// <summary>Per head rows of keys and of values, over the latent width.</summary>
    public PackedMatrix KeyValueUp;

    /// <summary>Shape (tokens, heads, value).</summary>
    public float* Output;
}
