using System.Buffers;

namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>
/// Joins a chunk of any length in windows, so that time grows with its length and memory hardly does. The result is that of joining it whole.
/// </summary>
/// <remarks>
/// Why: take a row of pieces in which every two neighbours, joined on their own from their parts, stay the same two pieces. Then the row is the
/// result for the whole text, because the first merge across a border between two of them would also happen when those two are joined
/// alone. The pieces inside a window's result have that property; where two windows meet it is tested. A border that fails the test
/// moves left, where several fail the window doubles, and where that changes a piece at an earlier border the chunk is joined whole.
/// </remarks>
internal sealed class LongChunkMerger(PairTable<Merge> merges)
{
    /// <summary>Parts in one window.</summary>
    public const int WindowParts = 4096;

    /// <summary>Borders tried before the window grows. The last pieces of a window are the least certain, up to as many of them.</summary>
    private const int Tries = 8;

    /// <summary>Of a window with few, long pieces no more than this part is joined again.</summary>
    private const int UncertainPart = 4;

    /// <summary>Parts that were joined, again or for a test included.</summary>
    public long PartsMerged { get; private set; }

    /// <summary>Joins in place.</summary>
    /// <inheritdoc cref="BytePairMerger.Merge" path="/param|/returns"/>
    public int Merge(Span<int> ids)
    {
        int[] pieces = ArrayPool<int>.Shared.Rent(ids.Length);
        int count = MergeWindows(ids, pieces);
        pieces.AsSpan(0, Math.Max(count, 0)).CopyTo(ids);
        ArrayPool<int>.Shared.Return(pieces);
        return count >= 0 ? count : BytePairMerger.MergeLong(merges, ids);
    }

    /// <returns>How many pieces there are; -1 where windows do not do.</returns>
    private int MergeWindows(ReadOnlySpan<int> parts, Span<int> pieces)
    {
        int written = 0;
        int start = 0;
        int before = 0; // where the last piece written began
        int windowParts = WindowParts;
        Window window = MergeWindow(parts[..Math.Min(windowParts, parts.Length)]);
        while (start + window.Parts < parts.Length)
        {
            if (TryFindBorder(parts[start..], window, out int kept, out Window next))
            {
                window.Pieces.AsSpan(0, kept).CopyTo(pieces[written..]);
                written += kept;
                before = start + window.Starts[kept - 1];
                start += window.Starts[kept];
                windowParts = WindowParts;
            }
            else
            {
                windowParts *= 2;
                next = MergeWindow(parts.Slice(start, Math.Min(windowParts, parts.Length - start)));
                if (written > 0 && !StayApart(parts[before..(start + next.FirstParts)], pieces[written - 1], next.Pieces[0]))
                {
                    window.Return();
                    next.Return();
                    return -1;
                }
            }

            window.Return();
            window = next;
        }

        window.Pieces.AsSpan(0, window.Count).CopyTo(pieces[written..]);
        written += window.Count;
        window.Return();
        return written;
    }

    /// <summary>Finds where the window's pieces are certain up to.</summary>
    /// <param name="rest">From the window's first part on.</param>
    /// <param name="window">Ends before the rest does.</param>
    /// <param name="kept">How many of its pieces are certain.</param>
    /// <param name="next">The window that begins after them.</param>
    private bool TryFindBorder(ReadOnlySpan<int> rest, Window window, out int kept, out Window next)
    {
        int last = Math.Max(window.Count - Math.Min(Tries, 1 + (window.Count / UncertainPart)), 1);
        for (kept = last; kept > 0 && kept > last - Tries; kept--)
        {
            int border = window.Starts[kept];
            next = MergeWindow(rest.Slice(border, Math.Min(WindowParts, rest.Length - border)));
            if (StayApart(rest[window.Starts[kept - 1]..(border + next.FirstParts)], window.Pieces[kept - 1], next.Pieces[0]))
            {
                return true;
            }

            next.Return();
        }

        next = default;
        return false;
    }

    private bool StayApart(ReadOnlySpan<int> parts, int left, int right)
    {
        Window both = MergeWindow(parts);
        bool stay = both.Count == 2 && both.Pieces[0] == left && both.Pieces[1] == right;
        both.Return();
        return stay;
    }

    private Window MergeWindow(ReadOnlySpan<int> parts)
    {
        int[] pieces = ArrayPool<int>.Shared.Rent(parts.Length);
        int[] starts = ArrayPool<int>.Shared.Rent(parts.Length);
        parts.CopyTo(pieces);
        PartsMerged += parts.Length;
        return new Window(parts.Length, pieces, starts, BytePairMerger.MergeLong(merges, pieces.AsSpan(0, parts.Length), starts));
    }

    /// <summary>A stretch of parts and what they became.</summary>
    /// <param name="Parts">How many there were.</param>
    /// <param name="Pieces">The first <paramref name="Count"/> are the result.</param>
    /// <param name="Starts">Where each piece's first part was.</param>
    /// <param name="Count">Pieces.</param>
    private readonly record struct Window(int Parts, int[] Pieces, int[] Starts, int Count)
    {
        /// <summary>How many parts the first piece has.</summary>
        public int FirstParts => Count > 1 ? Starts[1] : Parts;

        public void Return()
        {
            ArrayPool<int>.Shared.Return(Pieces);
            ArrayPool<int>.Shared.Return(Starts);
        }
    }
}
