using GlmCluster.Engine.Decoding;

namespace GlmCluster.Engine.Kernels;

/// <summary>Causal attention over paged keys and values for any mix of prefill chunks and decode tokens.</summary>
/// <remarks>
/// A step is <see cref="Begin"/>, then each phase in turn: every unit of it once, in any order and on any threads, all finished
/// before the next phase. Not for two steps at once. Warm steps allocate nothing.
/// </remarks>
internal unsafe class PagedAttention : IDisposable
{
    private const int PagesPerSpan = AttentionPlan.SpanTokens / AttentionShape.PageTokens;

    private readonly AttentionShape _shape;
    private readonly KvPages _pages;
    private readonly SpanAttention _arithmetic;
    private readonly AttentionPlan _plan;
    private readonly float _scale;
    private readonly int _resultFloats;
    private readonly ScratchMemory _queries = new();
    private readonly ScratchMemory _workerResults = new();
    private readonly ScratchMemory _workerPages = new();
    private readonly ScratchMemory _spanResults = new();

    private AttentionStep _step;
    private float* _rotated; // (kvHeads, tokens, group, headDim)
    private float* _local; // two results per worker
    private float* _localPages; // two pages per worker
    private float* _partial; // one result per span and key head, where spans are split

    /// <param name="format">Of the pages.</param>
    /// <param name="workers">Threads that may run units.</param>
    /// <exception cref="ArgumentException">The shape is not supported.</exception>
    public PagedAttention(AttentionShape shape, KvFormat format, SimdWidth width, int workers)
        : this(shape, shape.HeadDim, format, width, workers)
    {
    }

    /// <param name="scaledDim">Width whose root products are divided by.</param>
    protected PagedAttention(AttentionShape shape, int scaledDim, KvFormat format, SimdWidth width, int workers)
    {
        if (shape.HeadDim is < 1 or > AttentionShape.LargestHeadDim || shape.KvHeads < 1 || shape.Heads % shape.KvHeads != 0)
        {
            throw new ArgumentException($"{shape} is no supported attention shape.", nameof(shape));
        }

        _shape = shape;
        Workers = workers;
        _pages = KvPages.Create(format, width, shape);
        _arithmetic = SpanAttention.Create(width, shape, format, _pages);
        _plan = new AttentionPlan(shape, workers);
        _scale = (float)(1 / Math.Sqrt(scaledDim));
        _resultFloats = SpanResult.Floats(_plan.PaddedRows, shape.ValueDim);
    }

    /// <summary>Products of numbers in the step, roughly: whether it is worth several threads.</summary>
    public long Work => _plan.Work;

    /// <summary>Takes a step's inputs and divides the work.</summary>
    public void Begin(in AttentionStep step)
    {
        _step = step;
        _plan.Make(step);
        _rotated = _queries.Take<float>(((long)step.Tokens * _shape.Heads + SpanAttention.RowStep) * _shape.HeadDim);
        _local = _workerResults.Take<float>(2L * Workers * _resultFloats);
        _localPages = _workerPages.Take<float>(2L * Workers * _shape.PageFloats);
        _partial = _plan.SplitsSpans ? _spanResults.Take<float>((long)_plan.SpanCount * _shape.KvHeads * _resultFloats) : null;
    }

    /// <summary>Units of a phase.</summary>
    public int Count(AttentionPhase phase) => phase switch
    {
        AttentionPhase.Append => _plan.TileCount,
        AttentionPhase.Attend => (_plan.SplitsSpans ? _plan.SpanCount : _plan.TileCount) * _shape.KvHeads,
        _ => _plan.SplitsSpans ? _plan.TileCount * _shape.KvHeads : 0,
    };

    /// <summary>Runs one unit of a phase.</summary>
    /// <param name="worker">Number of the calling thread's share; no two at once may have the same.</param>
    public void Run(AttentionPhase phase, int unit, int worker)
    {
        if (phase == AttentionPhase.Append)
        {
            Append(_plan[unit]);
            return;
        }

        int head = unit % _shape.KvHeads;
        int item = unit / _shape.KvHeads;
        if (phase == AttentionPhase.Combine)
        {
            Combine(_plan[item], head);
        }
        else if (_plan.SplitsSpans)
        {
            AttendOneSpan(item, head, worker);
        }
        else
        {
            AttendAllSpans(_plan[item], head, worker);
        }
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _plan.Dispose();
            _queries.Dispose();
            _workerResults.Dispose();
            _workerPages.Dispose();
            _spanResults.Dispose();
        }
    }

    /// <summary>The running step's inputs.</summary>
    protected ref readonly AttentionStep Step => ref _step;

    /// <summary>Threads that may run units.</summary>
    protected int Workers { get; }

    protected AttentionShape Shape => _shape;

    protected KvPages Pages => _pages;

    /// <summary>Factor of products of queries and keys.</summary>
    protected float Scale => _scale;

    /// <summary>Rotates a tile's queries and keys and writes its keys and values into their pages.</summary>
    protected virtual void Append(in AttentionTile tile)
    {
        for (int i = 0; i < tile.Tokens; i++)
        {
            int token = tile.FirstToken + i;
            int position = tile.FirstPosition + i;
            float* source = _step.QueryKeyValue + ((long)token * _shape.PackedWidth);
            float* cosines = _step.Cosines + ((long)position * (_shape.RotaryDim / 2));
            float* sines = _step.Sines + ((long)position * (_shape.RotaryDim / 2));
            for (int head = 0; head < _shape.Heads; head++)
            {
                float* query = Queries(head / _shape.GroupSize, token) + (head % _shape.GroupSize * _shape.HeadDim);
                RotaryEmbedding.Rotate(source + (head * _shape.HeadDim), query, _shape, cosines, sines, _scale);
            }

            AppendToPages(tile.Sequence, position, source + (_shape.Heads * _shape.HeadDim), cosines, sines);
        }
    }

    private void AppendToPages(int sequence, int position, float* keysThenValues, float* cosines, float* sines)
    {
        float* rotated = stackalloc float[AttentionShape.LargestHeadDim];
        int headDim = _shape.HeadDim;
        int block = _step.BlockTable[(sequence * _step.TableWidth) + (position / AttentionShape.PageTokens)];
        int slot = position % AttentionShape.PageTokens;
        for (int head = 0; head < _shape.KvHeads; head++)
        {
            long page = (((long)block * _shape.KvHeads) + head) * _pages.PageBytes;
            RotaryEmbedding.Rotate(keysThenValues + (head * headDim), rotated, _shape, cosines, sines, 1);
            _pages.WriteKey(_step.KeyCache + page, slot, rotated);
            _pages.WriteValue(_step.ValueCache + page, slot, keysThenValues + ((_shape.KvHeads + head) * headDim));
        }
    }

    private void AttendAllSpans(in AttentionTile tile, int head, int worker)
    {
        var total = new SpanResult(_local + (2L * worker * _resultFloats), _plan.PaddedRows);
        var current = new SpanResult(_local + (((2L * worker) + 1) * _resultFloats), _plan.PaddedRows);
        QueryTile queries = Tile(tile, head, worker);
        AttendSpan(tile, queries, 0, total);
        for (int span = 1; span < tile.Spans; span++)
        {
            AttendSpan(tile, queries, span, current);
            _arithmetic.Merge(total, current, queries.Rows);
        }

        Write(tile, head, total);
    }

    private void AttendOneSpan(int span, int head, int worker)
    {
        // Few tiles: this happens only where there are fewer of them than threads.
        int tile = 0;
        while (span >= _plan[tile].FirstSpan + _plan[tile].Spans)
        {
            tile++;
        }

        AttendSpan(_plan[tile], Tile(_plan[tile], head, worker), span - _plan[tile].FirstSpan, Partial(span, head));
    }

    private void AttendSpan(in AttentionTile tile, in QueryTile queries, int span, in SpanResult result)
    {
        int pages = (tile.EndPosition + AttentionShape.PageTokens - 1) / AttentionShape.PageTokens;
        int firstPage = span * PagesPerSpan;
        _arithmetic.Attend(queries, firstPage, Math.Min(pages, firstPage + PagesPerSpan), result);
    }

    private void Combine(in AttentionTile tile, int head)
    {
        SpanResult total = Partial(tile.FirstSpan, head);
        for (int span = 1; span < tile.Spans; span++)
        {
            _arithmetic.Merge(total, Partial(tile.FirstSpan + span, head), tile.Tokens * _shape.GroupSize);
        }

        Write(tile, head, total);
    }

    private void Write(in AttentionTile tile, int head, in SpanResult result)
    {
        for (int row = 0; row < tile.Tokens * _shape.GroupSize; row++)
        {
            int token = tile.FirstToken + (row / _shape.GroupSize);
            int queryHead = (head * _shape.GroupSize) + (row % _shape.GroupSize);
            float* output = _step.Output + ((((long)token * _shape.Heads) + queryHead) * _shape.ValueDim);
            _arithmetic.Finish(result.Values + (row * _shape.ValueDim), result.Weights[row], output);
        }
    }

    private QueryTile Tile(in AttentionTile tile, int head, int worker) => new()
    {
        Queries = Queries(head, tile.FirstToken),
        KeyPages = _step.KeyCache + (head * _pages.PageBytes),
        ValuePages = _step.ValueCache + (head * _pages.PageBytes),
        Scratch = _localPages + (2L * worker * _shape.PageFloats),
        Blocks = _step.BlockTable + (tile.Sequence * _step.TableWidth),
        Rows = tile.Tokens * _shape.GroupSize,
        FirstPosition = tile.FirstPosition,
        Prefix = tile.Prefix,
    };

    /// <summary>Where a new token's queries of a key head go: shape (group, headDim), rotated and scaled.</summary>
    protected float* Queries(int kvHead, int token) =>
        _rotated + ((((long)kvHead * _step.Tokens) + token) * _shape.GroupSize * _shape.HeadDim);

    private SpanResult Partial(int span, int head) =>
        new(_partial + ((((long)span * _shape.KvHeads) + head) * _resultFloats), _plan.PaddedRows);
}

/// <summary>Parts of an attention step, in order.</summary>
internal enum AttentionPhase
{
    /// <summary>New keys and values go into their pages.</summary>
    Append,

    /// <summary>Queries meet keys and values.</summary>
    Attend,

    /// <summary>Spans that ran apart are put together.</summary>
    Combine,
}
