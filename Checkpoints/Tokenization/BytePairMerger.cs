using System.Buffers;

namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>Joins the parts of one chunk by repeatedly merging the neighbours of lowest rank, leftmost first.</summary>
internal static class BytePairMerger
{
    /// <summary>Up to this many parts a scan for the lowest rank beats a queue.</summary>
    public const int ShortChunkBytes = 96;

    /// <summary>Joins in place.</summary>
    /// <param name="merges">Which neighbours join.</param>
    /// <param name="ids">The chunk's smallest parts at first: bytes or characters.</param>
    /// <returns>How many ids remain at the start of <paramref name="ids"/>.</returns>
    public static int Merge(PairTable<Merge> merges, Span<int> ids) => ids.Length switch
    {
        <= 1 => ids.Length,
        <= ShortChunkBytes => MergeShort(merges, ids),
        <= LongChunkMerger.WindowParts => MergeLong(merges, ids),
        _ => new LongChunkMerger(merges).Merge(ids),
    };

    /// <summary>Joins in place; quadratic, for at most <see cref="ShortChunkBytes"/> parts.</summary>
    /// <inheritdoc cref="Merge" path="/param|/returns"/>
    public static int MergeShort(PairTable<Merge> merges, Span<int> ids)
    {
        Span<Merge> pairs = stackalloc Merge[ShortChunkBytes]; // pairs[i]: what ids[i] and ids[i + 1] become
        int count = ids.Length;
        for (int i = 0; i + 1 < count; i++)
        {
            pairs[i] = merges.Find(ids[i], ids[i + 1]);
        }

        while (true)
        {
            int best = LowestRank(pairs[..Math.Max(count - 1, 0)]);
            if (best < 0)
            {
                return count;
            }

            ids[best] = pairs[best].Id;
            ids[(best + 2)..count].CopyTo(ids[(best + 1)..]);
            pairs[(best + 1)..(count - 1)].CopyTo(pairs[best..]);
            count--;
            if (best > 0)
            {
                pairs[best - 1] = merges.Find(ids[best - 1], ids[best]);
            }

            if (best + 1 < count)
            {
                pairs[best] = merges.Find(ids[best], ids[best + 1]);
            }
        }
    }

    /// <summary>Joins in place in O(n log n) time and 40 bytes for each part.</summary>
    /// <inheritdoc cref="Merge" path="/param|/returns"/>
    public static int MergeLong(PairTable<Merge> merges, Span<int> ids)
    {
        int[] starts = ArrayPool<int>.Shared.Rent(ids.Length);
        int count = MergeLong(merges, ids, starts);
        ArrayPool<int>.Shared.Return(starts);
        return count;
    }

    /// <param name="starts">Takes, for each id that remains, where its first part was.</param>
    /// <inheritdoc cref="MergeLong(PairTable{Merge}, Span{int})"/>
    public static int MergeLong(PairTable<Merge> merges, Span<int> ids, Span<int> starts)
    {
        Node[] rented = ArrayPool<Node>.Shared.Rent(ids.Length);
        Span<Node> nodes = rented.AsSpan(0, ids.Length);

        // Ordered by rank, then by position. Entries are never removed: one whose rank is no longer its pair's is skipped.
        var queue = new PriorityQueue<int, ulong>(ids.Length);
        for (int i = 0; i < ids.Length; i++)
        {
            nodes[i] = new Node(i - 1, i + 1 < ids.Length ? i + 1 : -1, Tokenization.Merge.None);
        }

        for (int i = 0; i + 1 < ids.Length; i++)
        {
            Enqueue(i, ids, nodes);
        }

        while (queue.TryDequeue(out int left, out ulong priority))
        {
            if ((int)(priority >> 32) != nodes[left].Pair.Rank)
            {
                continue;
            }

            int right = nodes[left].Next;
            ids[left] = nodes[left].Pair.Id;
            nodes[left].Next = nodes[right].Next;
            nodes[right].Pair = Tokenization.Merge.None; // joined away
            if (nodes[left].Next >= 0)
            {
                nodes[nodes[left].Next].Previous = left;
            }

            Enqueue(left, ids, nodes);
            Enqueue(nodes[left].Previous, ids, nodes);
        }

        int count = 0;
        for (int i = 0; i >= 0; i = nodes[i].Next)
        {
            starts[count] = i;
            ids[count++] = ids[i];
        }

        ArrayPool<Node>.Shared.Return(rented);
        return count;

        void Enqueue(int left, Span<int> ids, Span<Node> nodes)
        {
            if (left < 0)
            {
                return;
            }

            int right = nodes[left].Next;
            Merge pair = right < 0 ? Tokenization.Merge.None : merges.Find(ids[left], ids[right]);
            nodes[left].Pair = pair;
            if (pair != Tokenization.Merge.None)
            {
                queue.Enqueue(left, ((ulong)pair.Rank << 32) | (uint)left);
            }
        }
    }

    private static int LowestRank(ReadOnlySpan<Merge> pairs)
    {
        int best = -1;
        int rank = int.MaxValue;
        for (int i = 0; i < pairs.Length; i++)
        {
            if (pairs[i].Rank < rank)
            {
                rank = pairs[i].Rank;
                best = i;
            }
        }

        return best;
    }

    /// <summary>A part in the chain of parts that are left; positions are those of the first part, -1 for none.</summary>
    private record struct Node(int Previous, int Next, Merge Pair);
}
