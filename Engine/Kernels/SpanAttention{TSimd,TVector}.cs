using System.Runtime.CompilerServices;

namespace GlmCluster.Engine.Kernels;

/// <inheritdoc cref="SpanAttention"/>
/// <remarks>The inner loops are compiled at once in full: the first request must not wait for them to become hot.</remarks>
internal sealed unsafe class SpanAttention<TSimd, TVector>(AttentionShape shape, KvPages pages) : SpanAttention
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    private const int PageTokens = AttentionShape.PageTokens;

    private readonly int _headDim = shape.HeadDim;
    private readonly int _valueDim = shape.ValueDim;
    private readonly bool _sharesPages = shape.SharedValueDim > 0;
    private readonly int _groupSize = shape.GroupSize;
    private readonly int _pageFloats = shape.PageFloats;
    private readonly long _blockBytes = (long)shape.KvHeads * pages.PageBytes;

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
            float* values = pages.ReadValues(tile.ValuePages + offset, tile.Scratch + _pageFloats);
            float* keys = _sharesPages ? values : pages.ReadKeys(tile.KeyPages + offset, tile.Scratch);

            // Keys of the first row's position that this page has, by rising rows one more per token; all see the prefix.
            int firstVisible = tile.FirstPosition + 1 - (page * PageTokens);
            int prefix = tile.Prefix - (page * PageTokens);
            int firstRow = prefix > 0 ? 0 : Math.Max(0, 1 - firstVisible) * _groupSize;
            for (int row = firstRow; row < tile.Rows; row += RowStep)
            {
                AttendRows(tile, result, row, new Visibility(firstVisible, prefix, _groupSize), keys, values, scores);
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

    private void AttendRows(
        in QueryTile tile, in SpanResult result, int row, in Visibility visibility, float* keys, float* values, float* scores)
    {
        int rows = Math.Min(RowStep, tile.Rows - row);
        int common = visibility.Of(row);
        if (_sharesPages)
        {
            ScoreByToken(tile.Queries + (row * _headDim), keys, visibility.Of(row + rows - 1), scores);
        }
        else
        {
            Score(tile.Queries + (row * _headDim), keys, scores);
        }

        float* sums = result.Values + (row * _valueDim);
        int* visible = stackalloc int[RowStep];
        for (int i = 0; i < rows; i++)
        {
            visible[i] = visibility.Of(row + i);
            Weigh(scores + (i * PageTokens), visible[i], ref result.Maxima[row + i], ref result.Weights[row + i], sums + (i * _valueDim));
        }

        // Padding rows take part with weight 0.
        new Span<float>(scores + (rows * PageTokens), (RowStep - rows) * PageTokens).Clear();
        Accumulate(scores, values, common, sums);
        for (int i = 0; i < rows; i++)
        {
            if (visible[i] > common)
            {
                AccumulateRow(scores + (i * PageTokens), values, common, visible[i], 0, sums + (i * _valueDim));
            }
        }
    }

    /// <summary>(4, headDim) · (headDim, 32).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Score(float* queries, float* keys, float* scores)
    {
        int headDim = _headDim;
        float* query1 = queries + headDim;
        float* query2 = query1 + headDim;
        float* query3 = query2 + headDim;
        for (int column = 0; column < PageTokens; column += 2 * TSimd.Width)
        {
            TVector a0 = TSimd.Broadcast(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
            float* key = keys + column;
            for (int d = 0; d < headDim; d++, key += PageTokens)
            {
                TVector keyA = TSimd.Load(key);
                TVector keyB = TSimd.Load(key + TSimd.Width);
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
    private void Accumulate(float* weights, float* values, int count, float* sums)
    {
        (int headDim, int valueDim) = (_headDim, _valueDim);
        int column = 0;
        for (; column <= valueDim - (2 * TSimd.Width); column += 2 * TSimd.Width)
        {
            float* sums0 = sums + column, sums1 = sums0 + valueDim, sums2 = sums1 + valueDim, sums3 = sums2 + valueDim;
            TVector a0 = TSimd.Load(sums0), a1 = TSimd.Load(sums1), a2 = TSimd.Load(sums2), a3 = TSimd.Load(sums3);
            TVector b0 = TSimd.Load(sums0 + TSimd.Width), b1 = TSimd.Load(sums1 + TSimd.Width);
            TVector b2 = TSimd.Load(sums2 + TSimd.Width), b3 = TSimd.Load(sums3 + TSimd.Width);
            float* value = values + column;
            for (int token = 0; token < count; token++, value += headDim)
            {
                TVector valueA = TSimd.Load(value);
                TVector valueB = TSimd.Load(value + TSimd.Width);
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
            AccumulateRow(weights + (row * PageTokens), values, 0, count, column, sums + (row * valueDim));
        }
    }

    /// <summary>Adds tokens to one row's columns from <paramref name="firstColumn"/> on, in the same order as <see cref="Accumulate"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AccumulateRow(float* weights, float* values, int firstToken, int endToken, int firstColumn, float* sums)
    {
        (int headDim, int valueDim) = (_headDim, _valueDim);
        int column = firstColumn;
        for (; column <= valueDim - TSimd.Width; column += TSimd.Width)
        {
            TVector sum = TSimd.Load(sums + column);
            for (int token = firstToken; token < endToken; token++)
            {
                sum = TSimd.MultiplyAdd(TSimd.Broadcast(weights[token]), TSimd.Load(values + (token * headDim) + column), sum);
            }

            TSimd.Store(sum, sums + column);
        }

        for (; column < valueDim; column++)
        {
            for (int token = firstToken; token < endToken; token++)
            {
                sums[column] += weights[token] * values[(token * headDim) + column];
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

/// <summary>How many tokens of a page rows see.</summary>
/// <param name="firstVisible">Tokens up to the first row's own; may be negative or beyond the page.</param>
/// <param name="prefix">Tokens of the prefix; likewise.</param>
/// <param name="groupSize">Rows of a token.</param>
internal readonly struct Visibility(int firstVisible, int prefix, int groupSize)
{
    /// <summary>Rises with the row.</summary>
    public int Of(int row) => Math.Min(AttentionShape.PageTokens, Math.Max(prefix, firstVisible + (row / groupSize)));
}
