using System.Numerics;
using System.Runtime.CompilerServices;

namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>What is known about pairs of numbers that are not negative. Look-ups allocate nothing.</summary>
internal sealed class PairTable<TValue>
    where TValue : unmanaged
{
    private const ulong Free = ulong.MaxValue; // no pair: numbers are not negative

    private readonly TValue _none;
    private Entry[] _entries;
    private int _count;

    /// <param name="expectedPairs">A guess spares growing.</param>
    /// <param name="none">What pairs have that were never set.</param>
    public PairTable(int expectedPairs, TValue none)
    {
        _none = none;
        _entries = NewEntries((int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(expectedPairs, 8) * 2));
    }

    public TValue Find(int first, int second)
    {
        ref Entry entry = ref Probe(_entries, Key(first, second));
        return entry.Key == Free ? _none : entry.Value;
    }

    /// <summary>Adds a pair, or gives it another value.</summary>
    public void Set(int first, int second, TValue value)
    {
        if (_count * 2 >= _entries.Length)
        {
            Grow();
        }

        ulong key = Key(first, second);
        ref Entry entry = ref Probe(_entries, key);
        _count += entry.Key == Free ? 1 : 0;
        entry = new Entry(key, value);
    }

    private void Grow()
    {
        Entry[] larger = NewEntries(_entries.Length * 2);
        foreach (Entry entry in _entries)
        {
            if (entry.Key != Free)
            {
                Probe(larger, entry.Key) = entry;
            }
        }

        _entries = larger;
    }

    private Entry[] NewEntries(int length)
    {
        var entries = new Entry[length];
        Array.Fill(entries, new Entry(Free, _none));
        return entries;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // filled before tiered compilation
    private static ref Entry Probe(Entry[] entries, ulong key)
    {
        int mask = entries.Length - 1;
        int slot = (int)((key * 0x9E3779B97F4A7C15) >> 32) & mask;
        while (entries[slot].Key != key && entries[slot].Key != Free)
        {
            slot = (slot + 1) & mask;
        }

        return ref entries[slot];
    }

    private static ulong Key(int first, int second) => ((ulong)(uint)first << 32) | (uint)second;

    private readonly record struct Entry(ulong Key, TValue Value);
}
