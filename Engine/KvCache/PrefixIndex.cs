using System.Diagnostics;

namespace GlmCluster.Engine.KvCache;

/// <summary>What the KV blocks hold: finds the block that continues a chain with given token ids, whole or in part.</summary>
/// <remarks>
/// A tree over the blocks that hold tokens: inner ones are full and named by their <see cref="PrefixHash"/>, no two full ones hold the same, and a block
/// hangs below the hash of the one before it. Used only on the engine loop thread; allocates nothing after construction.
/// </remarks>
internal sealed class PrefixIndex
{
    /// <summary>Blocks below one parent that are compared for a common beginning: the most recent ones, so that a busy parent costs no more than that.</summary>
    private const int MostCompared = 64;

    private const int None = -1;

    private readonly int _blockTokens;
    private readonly Entry[] _entries; // by block
    private readonly int[] _tokenIds; // shape (blocks, blockTokens)
    private readonly Dictionary<UInt128, int> _full; // block of a hash
    private readonly Dictionary<UInt128, int> _newestChild; // below a hash

    public PrefixIndex(int blockCount, int blockTokens)
    {
        _blockTokens = blockTokens;
        _entries = new Entry[blockCount];
        _tokenIds = new int[blockCount * blockTokens];
        _full = new Dictionary<UInt128, int>(blockCount);
        _newestChild = new Dictionary<UInt128, int>(blockCount);
    }

    /// <summary>Hashes of the full blocks.</summary>
    public IReadOnlyCollection<UInt128> Hashes => _full.Keys;

    public bool Contains(int block) => _entries[block].Tokens > 0;

    public bool IsFull(int block) => _entries[block].Tokens == _blockTokens;

    /// <summary>Ids of the tokens that a block holds, in order; empty where it is not in the index.</summary>
    public ReadOnlySpan<int> TokenIds(int block) => _tokenIds.AsSpan(block * _blockTokens, _entries[block].Tokens);

    /// <summary>Hash of a full block.</summary>
    public UInt128 HashOf(int block) => _entries[block].Hash;

    /// <summary>Hash of the full block before, or the chain's root.</summary>
    public UInt128 ParentOf(int block) => _entries[block].Parent;

    /// <summary>Whether a block is the first of its chain.</summary>
    public bool IsFirst(int block) => _entries[block].IsFirst;

    /// <summary>The block with this hash, or -1.</summary>
    public int FindFull(UInt128 hash) => _full.GetValueOrDefault(hash, None);

    /// <summary>The block below <paramref name="parent"/> that shares most leading tokens with <paramref name="tokenIds"/>.</summary>
    /// <returns>The block and how many; (-1, 0): none shares any.</returns>
    public (int Block, int Tokens) FindPart(UInt128 parent, ReadOnlySpan<int> tokenIds)
    {
        (int Block, int Tokens) best = (None, 0);
        int block = _newestChild.GetValueOrDefault(parent, None);
        for (int compared = 0; block != None && compared < MostCompared; compared++)
        {
            int common = TokenIds(block).CommonPrefixLength(tokenIds);
            best = common > best.Tokens ? (block, common) : best;
            block = _entries[block].Older;
        }

        return best;
    }

    /// <summary>Takes note of tokens whose keys and values were added to a block; a block that was not in the index comes in below <paramref name="parent"/>.</summary>
    /// <returns>The block, or another one that holds the same whole block already; then this one has left the index.</returns>
    public int Append(int block, UInt128 parent, bool isFirst, ReadOnlySpan<int> tokenIds)
    {
        ref Entry entry = ref _entries[block];
        if (entry.Tokens == 0)
        {
            entry.Parent = parent;
            entry.IsFirst = isFirst;
            Link(block);
        }

        Debug.Assert(entry.Parent == parent && entry.Tokens + tokenIds.Length <= _blockTokens, "Tokens go on where a block ends.");
        tokenIds.CopyTo(_tokenIds.AsSpan((block * _blockTokens) + entry.Tokens));
        entry.Tokens += tokenIds.Length;
        if (entry.Tokens < _blockTokens)
        {
            return block;
        }

        entry.Hash = PrefixHash.Extend(parent, TokenIds(block));
        if (_full.TryAdd(entry.Hash, block))
        {
            return block;
        }

        int same = _full[entry.Hash];
        Unlink(block);
        entry = default;
        return same;
    }

    /// <summary>Takes a block out; it must have nothing below it.</summary>
    public void Remove(int block)
    {
        ref Entry entry = ref _entries[block];
        if (IsFull(block))
        {
            Debug.Assert(!_newestChild.ContainsKey(entry.Hash), "A block leaves after those that continue it.");
            _full.Remove(entry.Hash);
        }

        Unlink(block);
        entry = default;
    }

    private void Link(int block)
    {
        ref Entry entry = ref _entries[block];
        entry.Newer = None;
        entry.Older = _newestChild.GetValueOrDefault(entry.Parent, None);
        if (entry.Older != None)
        {
            _entries[entry.Older].Newer = block;
        }

        _newestChild[entry.Parent] = block;
    }

    private void Unlink(int block)
    {
        ref Entry entry = ref _entries[block];
        if (entry.Older != None)
        {
            _entries[entry.Older].Newer = entry.Newer;
        }

        if (entry.Newer != None)
        {
            _entries[entry.Newer].Older = entry.Older;
        }
        else if (entry.Older != None)
        {
            _newestChild[entry.Parent] = entry.Older;
        }
        else
        {
            _newestChild.Remove(entry.Parent);
        }
    }

    /// <summary>A block in the tree; no tokens: it is not in.</summary>
    private struct Entry
    {
        public UInt128 Parent;
        public UInt128 Hash;
        public int Tokens;
        public int Newer; // siblings below the same parent
        public int Older;
        public bool IsFirst;
    }
}
