namespace GlmCluster.Engine.KvCache;

/// <summary>The KV accounting at one moment, as plain numbers.</summary>
/// <param name="References">Holders of each block, shape (blocks,).</param>
/// <param name="Empty">Free blocks without content.</param>
/// <param name="Kept">Free blocks with content, in the order in which they will be given away.</param>
/// <param name="Entries">What the index knows of each block, shape (blocks,); null: nothing.</param>
/// <param name="Tables">Block table of every sequence that holds blocks.</param>
internal sealed record KvSnapshot(int[] References, int[] Empty, int[] Kept, KvEntry?[] Entries, IReadOnlyList<int[]> Tables);

/// <summary>A block in the prefix index.</summary>
/// <param name="Parent">Hash of the block before, or the chain's root.</param>
/// <param name="IsFirst">Whether the parent is a root.</param>
/// <param name="Hash">Under which it is found; null: it is not full.</param>
internal sealed record KvEntry(UInt128 Parent, bool IsFirst, UInt128? Hash);

/// <summary>What must always be true of the KV accounting.</summary>
internal static class KvInvariants
{
    /// <summary>Finds the first broken rule.</summary>
    /// <returns>Names the block and what is wrong with it; null: all is well.</returns>
    public static string? FindViolation(KvSnapshot snapshot) => FindCountViolation(snapshot) ?? FindCacheViolation(snapshot);

    private static string? FindCountViolation(KvSnapshot snapshot)
    {
        int blockCount = snapshot.References.Length;
        var timesFree = new int[blockCount];
        foreach (int block in snapshot.Empty.Concat(snapshot.Kept))
        {
            timesFree[block]++;
        }

        var holders = new int[blockCount];
        foreach (int[] table in snapshot.Tables)
        {
            if (table.Distinct().Count() != table.Length)
            {
                return $"A sequence holds a block twice: {string.Join(' ', table)}.";
            }

            foreach (int block in table)
            {
                holders[block]++;
            }
        }

        for (int block = 0; block < blockCount; block++)
        {
            int references = snapshot.References[block];
            if (references != holders[block])
            {
                return $"Block {block} counts {references} references; {holders[block]} sequences hold it.";
            }

            if (timesFree[block] != (references == 0 ? 1 : 0))
            {
                return $"Block {block} has {references} references and is {timesFree[block]} times on the free lists.";
            }
        }

        return null;
    }

    /// <summary>Every block that can be found is found from its root: no block is given away, or let go by its holders, before those that continue it.</summary>
    private static string? FindCacheViolation(KvSnapshot snapshot)
    {
        var placeInKept = new int[snapshot.Entries.Length];
        for (int i = 0; i < snapshot.Kept.Length; i++)
        {
            placeInKept[snapshot.Kept[i]] = i;
        }

        if (Array.FindIndex(snapshot.Kept, block => snapshot.Entries[block] is null) is >= 0 and int unknown)
        {
            return $"Block {snapshot.Kept[unknown]} is kept and not in the index.";
        }

        if (Array.FindIndex(snapshot.Empty, block => snapshot.Entries[block] is not null) is >= 0 and int forgotten)
        {
            return $"Block {snapshot.Empty[forgotten]} is empty and in the index.";
        }

        var byHash = new Dictionary<UInt128, int>();
        for (int block = 0; block < snapshot.Entries.Length; block++)
        {
            if (snapshot.Entries[block]?.Hash is { } hash && !byHash.TryAdd(hash, block))
            {
                return $"Blocks {byHash[hash]} and {block} have one hash.";
            }
        }

        for (int block = 0; block < snapshot.Entries.Length; block++)
        {
            if (snapshot.Entries[block] is not { IsFirst: false } entry)
            {
                continue;
            }

            if (!byHash.TryGetValue(entry.Parent, out int parent))
            {
                return $"Block {block} cannot be reached: nothing has its parent's hash.";
            }

            if (snapshot.References[parent] < snapshot.References[block])
            {
                return $"Block {block} has {snapshot.References[block]} references; the block {parent} before it has {snapshot.References[parent]}.";
            }

            if (snapshot.References[parent] == 0 && placeInKept[parent] < placeInKept[block])
            {
                return $"Block {parent} would be given away before block {block}, which continues it.";
            }
        }

        return null;
    }
}
