using System.Runtime.CompilerServices;

namespace GlmCluster.Engine.Kernels;

/// <inheritdoc cref="SpanAttention"/>
/// <remarks>The inner loops are compiled at once in full: the first request must not wait for them to become hot.</remarks>
internal sealed unsafe class SpanAttention<TSimd, TVector, TNumbers>(AttentionShape shape, KvPages pages) : SpanAttention
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
    where TNumbers : struct, IPageNumbers<TVector>
{
    private const int PageTokens = AttentionShape.PageTokens;

    /// <summary>Most rows that widen a page's numbers each time they use them; for more it pays to widen the page first, once.</summary>
    private const int MostWideningRows = 4 * RowStep;

    private readonly int _headDim = shape.HeadDim;
    private readonly int _valueDim = shape.ValueDim;
    private readonly bool _sharesPages = shape.SharedValueDim > 0;
    private readonly int _groupSize = shape.GroupSize;
    private readonly int _pageFloats = shape.PageFloats;
    private readonly long _blockBytes = (long)shape.KvHeads * pages.PageBytes;
    private readonly int _scaleBytes = pages.ScaleBytes;

    public override void Attend(in QueryTile tile, int firstPage, int endPage, in SpanResult result)
    {
        float* scores = stackalloc float[RowStep * PageTokens];
        for (int row = 0; row < tile.Rows; row++)
        {
            result.Maxima[row] = float.NegativeInfinity;
            result.Weights[row] = 0;
        }

        new Span<float>(result.Values, (tile.Rows + RowStep) * _valueDim).Clear();
        for (int page = firstPage; page < endPage; page++)
        {
            long offset = tile.Blocks[page] * _blockBytes;
            byte* keys = tile.KeyPages + offset;
            byte* values = tile.ValuePages + offset;
            PagePair pair = new(keys + _scaleBytes, values + _scaleBytes)
            {
                KeyScales = _scaleBytes == 0 ? null : _sharesPages ? (float*)values : (float*)keys,
                ValueScales = _scaleBytes == 0 ? null : (float*)values,
            };
            if (TNumbers.AreFloats || (tile.Rows <= MostWideningRows && !_sharesPages))
            {
                AttendPage<TNumbers>(tile, page, pair, scores, result);
            }
            else
            {
                AttendPage<FloatNumbers<TSimd, TVector>>(tile, page, Widen(pair, tile.Scratch), scores, result);
            }
        }
    }

    public override void Merge(in SpanResult total, in SpanResult span, int rows)
    {
        for (int row = 0; row < rows; row++)
        {
            if (span.Weights[row] == 0)
            {
                continue;
            }

            float maximum = MathF.Max(total.Maxima[row], span.Maxima[row]);
            float totalFactor = Exp(total.Maxima[row] - maximum);
            float spanFactor = Exp(span.Maxima[row] - maximum);
            total.Maxima[row] = maximum;
            total.Weights[row] = (total.Weights[row] * totalFactor) + (span.Weights[row] * spanFactor);
            long offset = row * _valueDim;
            RowMath<TSimd, TVector>.Combine(total.Values + offset, totalFactor, span.Values + offset, spanFactor, _valueDim);
        }
    }

    public override void Finish(float* values, float weight, float* output) =>
        RowMath<TSimd, TVector>.Scale(values, 1 / weight, _valueDim, output);

    private PagePair Widen(in PagePair pair, float* scratch)
    {
        float* values = scratch + _pageFloats;
        Widen(pair.Values, values);
        if (!_sharesPages)
        {
            Widen(pair.Keys, scratch);
        }

        return pair with { Keys = (byte*)(_sharesPages ? values : scratch), Values = (byte*)values };
    }

    /// <remarks>A page has 32 · headDim numbers: whole vectors of any width.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Widen(byte* numbers, float* target)
    {
        int count = _pageFloats;
        for (int i = 0; i < count; i += TSimd.Width)
        {
            TSimd.Store(TNumbers.Load(numbers, i), target + i);
        }
    }

    private void AttendPage<TRead>(in QueryTile tile, int page, in PagePair pair, float* scores, in SpanResult result)
        where TRead : struct, IPageNumbers<TVector>
    {
        // Keys of the first row's position that this page has, by rising rows one more per token; all see the prefix.
        int firstVisible = tile.FirstPosition + 1 - (page * PageTokens);
        int prefix = tile.Prefix - (page * PageTokens);
        int firstRow = prefix > 0 ? 0 : Math.Max(0, 1 - firstVisible) * _groupSize;
        for (int row = firstRow; row < tile.Rows; row += RowStep)
        {
            AttendRows<TRead>(tile, result, row, new Visibility(firstVisible, prefix, _groupSize), pair, scores);
        }
    }

    private void AttendRows<TRead>(
        in QueryTile tile, in SpanResult result, int row, in Visibility visibility, in PagePair pair, float* scores)
        where TRead : struct, IPageNumbers<TVector>
    {
        int rows = Math.Min(RowStep, tile.Rows - row);
        int common = visibility.Of(row);
        if (_sharesPages)
        {
            ScoreByToken(tile.Queries + (row * _headDim), (float*)pair.Keys, visibility.Of(row + rows - 1), scores);
        }
        else
        {
            Score<TRead>(tile.Queries + (row * _headDim), pair.Keys, scores);
        }

        ScaleTokens(scores, pair.KeyScales);
        float* sums = result.Values + (row * _valueDim);
        int* visible = stackalloc int[RowStep];
        for (int i = 0; i < rows; i++)
        {
            visible[i] = visibility.Of(row + i);
            Weigh(scores + (i * PageTokens), visible[i], ref result.Maxima[row + i], ref result.Weights[row + i], sums + (i * _valueDim));
        }

        ScaleTokens(scores, pair.ValueScales);

        // Padding rows take part with weight 0.
        new Span<float>(scores + (rows * PageTokens), (RowStep - rows) * PageTokens).Clear();
        Accumulate<TRead>(scores, pair.Values, common, sums);
        for (int i = 0; i < rows; i++)
        {
            if (visible[i] > common)
            {
                AccumulateRow<TRead>(scores + (i * PageTokens), pair.Values, common, visible[i], 0, sums + (i * _valueDim));
            }
        }
    }

    /// <summary>Multiplies what four rows have for each token by the token's scale; whatever becomes of tokens that they do not see.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScaleTokens(float* rows, float* scales)
    {
        for (int i = 0; scales != null && i < RowStep * PageTokens; i += TSimd.Width)
        {
            TSimd.Store(TSimd.Multiply(TSimd.Load(rows + i), TSimd.Load(scales + (i % PageTokens))), rows + i);
        }
    }

    /// <summary>(4, headDim) · (headDim, 32).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Score<TRead>(float* queries, byte* keys, float* scores)
        where TRead : struct, IPageNumbers<TVector>
    {
        int headDim = _headDim;
        float* query1 = queries + headDim;
        float* query2 = query1 + headDim;
        float* query3 = query2 + headDim;
        for (int column = 0; column < PageTokens; column += 2 * TSimd.Width)
        {
            TVector a0 = TSimd.Broadcast(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
            int key = column;
            for (int d = 0; d < headDim; d++, key += PageTokens)
            {
                TVector keyA = TRead.Load(keys, key);
                TVector keyB = TRead.Load(keys, key + TSimd.Width);
                TVector query = TSimd.Broadcast(queries[d]);
                a0 = TSimd.MultiplyAdd(query, keyA, a0);
                b0 = TSimd.MultiplyAdd(query, keyB, b0);
                query = TSimd.Broadcast(query1[d]);
                a1 = TSimd.MultiplyAdd(query, keyA, a1);
                b1 = TSimd.MultiplyAdd(query, keyB, b1);
                query = TSimd.Broadcast(query2[d]);
                a2 = TSimd.MultiplyAdd(query, keyA, a2);
                b2 = TSimd.MultiplyAdd(query, keyB, b2);
                query = TSimd.Broadcast(query3[d]);
                a3 = TSimd.MultiplyAdd(query, keyA, a3);
                b3 = TSimd.MultiplyAdd(query, keyB, b3);
            }

            StorePair(a0, b0, scores + column);
            StorePair(a1, b1, scores + PageTokens + column);
            StorePair(a2, b2, scores + (2 * PageTokens) + column);
            StorePair(a3, b3, scores + (3 * PageTokens) + column);
        }
    }

    /// <summary>(4, headDim) · (tokens, headDim)ᵀ, for pages that lie token by token; scores of later tokens are left as they are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreByToken(float* queries, float* keys, int tokens, float* scores)
    {
        int headDim = _headDim;
        float* query1 = queries + headDim, query2 = query1 + headDim, query3 = query2 + headDim;
        for (int token = 0; token < tokens; token += 2)
        {
            // A page has an even number of tokens.
            float* keyA = keys + (token * headDim), keyB = keyA + headDim;
            TVector a0 = TSimd.Broadcast(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
            int d = 0;
            for (; d <= headDim - TSimd.Width; d += TSimd.Width)
            {
                TVector a = TSimd.Load(keyA + d), b = TSimd.Load(keyB + d);
                TVector query = TSimd.Load(queries + d);
                a0 = TSimd.MultiplyAdd(query, a, a0);
                b0 = TSimd.MultiplyAdd(query, b, b0);
                query = TSimd.Load(query1 + d);
                a1 = TSimd.MultiplyAdd(query, a, a1);
                b1 = TSimd.MultiplyAdd(query, b, b1);
                query = TSimd.Load(query2 + d);
                a2 = TSimd.MultiplyAdd(query, a, a2);
                b2 = TSimd.MultiplyAdd(query, b, b2);
                query = TSimd.Load(query3 + d);
                a3 = TSimd.MultiplyAdd(query, a, a3);
                b3 = TSimd.MultiplyAdd(query, b, b3);
            }

            StoreScores(scores + token, TSimd.Sum(a0), TSimd.Sum(a1), TSimd.Sum(a2), TSimd.Sum(a3));
            StoreScores(scores + token + 1, TSimd.Sum(b0), TSimd.Sum(b1), TSimd.Sum(b2), TSimd.Sum(b3));
            for (; d < headDim; d++)
            {
                for (int row = 0; row < RowStep; row++)
                {
                    scores[(row * PageTokens) + token] += queries[(row * headDim) + d] * keyA[d];
                    scores[(row * PageTokens) + token + 1] += queries[(row * headDim) + d] * keyB[d];
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreScores(float* scores, float row0, float row1, float row2, float row3) =>
        (scores[0], scores[PageTokens], scores[2 * PageTokens], scores[3 * PageTokens]) = (row0, row1, row2, row3);

    /// <summary>Turns a row's scores into weights relative to its running maximum; weights of invisible keys are exactly 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Weigh(float* scores, int visible, ref float maximum, ref float weight, float* values)
    {
        TVector end = TSimd.Broadcast(visible);
        TVector hidden = TSimd.Broadcast(float.NegativeInfinity);
        TVector peak = hidden;
        for (int i = 0; i < PageTokens; i += TSimd.Width)
        {
            TVector key = TSimd.Add(TSimd.Ramp, TSimd.Broadcast(i));
            peak = TSimd.Max(peak, TSimd.SelectBelow(key, end, TSimd.Load(scores + i), hidden));
        }

        float top = TSimd.MaxLane(peak);
        if (!(top <= maximum)) // also where it is NaN, so that the row's result becomes NaN
        {
            float factor = Exp(maximum - top);
            maximum = top;
            weight *= factor;
            RowMath<TSimd, TVector>.Scale(values, factor, _valueDim, values);
        }

        TVector sum = TSimd.Broadcast(0);
        for (int i = 0; i < PageTokens; i += TSimd.Width)
        {
            TVector key = TSimd.Add(TSimd.Ramp, TSimd.Broadcast(i));
            TVector relative = TSimd.Subtract(TSimd.Load(scores + i), TSimd.Broadcast(maximum));
            TVector result = TSimd.SelectBelow(key, end, Exponential<TSimd, TVector>.OfNonPositive(relative), TSimd.Broadcast(0));
            TSimd.Store(result, scores + i);
            sum = TSimd.Add(sum, result);
        }

        weight += TSimd.Sum(sum);
    }

    /// <summary>(4, count) · (count, valueDim), added. Values of neighbouring tokens are headDim apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Accumulate<TRead>(float* weights, byte* values, int count, float* sums)
        where TRead : struct, IPageNumbers<TVector>
    {
        (int headDim, int valueDim) = (_headDim, _valueDim);
        int column = 0;
        for (; column <= valueDim - (2 * TSimd.Width); column += 2 * TSimd.Width)
        {
            float* sums0 = sums + column, sums1 = sums0 + valueDim, sums2 = sums1 + valueDim, sums3 = sums2 + valueDim;
            TVector a0 = TSimd.Load(sums0), a1 = TSimd.Load(sums1), a2 = TSimd.Load(sums2), a3 = TSimd.Load(sums3);
            TVector b0 = TSimd.Load(sums0 + TSimd.Width), b1 = TSimd.Load(sums1 + TSimd.Width);
            TVector b2 = TSimd.Load(sums2 + TSimd.Width), b3 = TSimd.Load(sums3 + TSimd.Width);
            int value = column;
            for (int token = 0; token < count; token++, value += headDim)
            {
                TVector valueA = TRead.Load(values, value);
                TVector valueB = TRead.Load(values, value + TSimd.Width);
                TVector weight = TSimd.Broadcast(weights[token]);
                a0 = TSimd.MultiplyAdd(weight, valueA, a0);
                b0 = TSimd.MultiplyAdd(weight, valueB, b0);
                weight = TSimd.Broadcast(weights[PageTokens + token]);
                a1 = TSimd.MultiplyAdd(weight, valueA, a1);
                b1 = TSimd.MultiplyAdd(weight, valueB, b1);
                weight = TSimd.Broadcast(weights[(2 * PageTokens) + token]);
                a2 = TSimd.MultiplyAdd(weight, valueA, a2);
                b2 = TSimd.MultiplyAdd(weight, valueB, b2);
                weight = TSimd.Broadcast(weights[(3 * PageTokens) + token]);
                a3 = TSimd.MultiplyAdd(weight, valueA, a3);
                b3 = TSimd.MultiplyAdd(weight, valueB, b3);
            }

            StorePair(a0, b0, sums0);
            StorePair(a1, b1, sums1);
            StorePair(a2, b2, sums2);
            StorePair(a3, b3, sums3);
        }

        for (int row = 0; column < valueDim && row < RowStep; row++)
        {
            AccumulateRow<TRead>(weights + (row * PageTokens), values, 0, count, column, sums + (row * valueDim));
        }
    }

    /// <summary>Adds tokens to one row's columns from <paramref name="firstColumn"/> on, in the same order as <see cref="Accumulate{TRead}"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AccumulateRow<TRead>(float* weights, byte* values, int firstToken, int endToken, int firstColumn, float* sums)
        where TRead : struct, IPageNumbers<TVector>
    {
        (int headDim, int valueDim) = (_headDim, _valueDim);
        int column = firstColumn;
        for (; column <= valueDim - TSimd.Width; column += TSimd.Width)
        {
            TVector sum = TSimd.Load(sums + column);
            for (int token = firstToken; token < endToken; token++)
            {
                sum = TSimd.MultiplyAdd(TSimd.Broadcast(weights[token]), TRead.Load(values, (token * headDim) + column), sum);
            }

            TSimd.Store(sum, sums + column);
        }

        for (; column < valueDim; column++)
        {
            for (int token = firstToken; token < endToken; token++)
            {
                sums[column] += weights[token] * TRead.Read(values, (token * headDim) + column);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePair(TVector first, TVector second, float* target)
    {
        TSimd.Store(first, target);
        TSimd.Store(second, target + TSimd.Width);
    }

    private static float Exp(float value) => TSimd.MaxLane(Exponential<TSimd, TVector>.OfNonPositive(TSimd.Broadcast(value)));
}

/// <summary>A head's keys and values of one block: their numbers, and their scales where the format has them.</summary>
internal readonly unsafe struct PagePair(byte* keys, byte* values)
{
    public byte* Keys { get; init; } = keys;

    public byte* Values { get; init; } = values;

    /// <summary>Shape (32,); null: 1.</summary>
    public float* KeyScales { get; init; }

    /// <inheritdoc cref="KeyScales"/>
    public float* ValueScales { get; init; }
}

/// <summary>How many tokens of a page rows see.</summary>
/// <param name="firstVisible">Tokens up to the first row's own; may be negative or beyond the page.</param>
/// <param name="prefix">Tokens of the prefix; likewise.</param>
/// <param name="groupSize">Rows of a token.</param>
internal readonly struct Visibility(int firstVisible, int prefix, int groupSize)
{
    /// <summary>Rises with the row.</summary>
    public int Of(int row) => Math.Min(AttentionShape.PageTokens, Math.Max(prefix, firstVisible + (row / groupSize)));
}
