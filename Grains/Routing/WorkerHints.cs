using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.Grains.Routing;

/// <summary>
/// What a worker's beats tell of its cache and memory, and what this process gave it that they do not tell yet. Only hints: nothing but speed depends
/// on them. Thread-safe.
/// </summary>
internal sealed class WorkerHints
{
    private const int MostNotes = 8192;

    private readonly Lock _lock = new(); // guards everything below
    private ImmutableArray<byte> _digest = [];
    private long _counter = -1;
    private long _freeTokens = long.MaxValue;

    // What was given since the last beat, and between the one before and the last: a beat may have been made before what was given had an effect.
    private HashSet<UInt128> _given = [];
    private HashSet<UInt128> _givenBefore = [];
    private long _givenTokens;
    private long _givenTokensBefore;

    /// <summary>Tokens of a block of its cache; 0: not known.</summary>
    public int BlockTokens
    {
        get
        {
            lock (_lock)
            {
                return DigestReader.BlockTokens(_digest.AsSpan());
            }
        }
    }

    /// <summary>Tokens that its free memory holds, less what was given to it since; very many where that is not known.</summary>
    public long FreeTokens
    {
        get
        {
            lock (_lock)
            {
                return _freeTokens - _givenTokens - _givenTokensBefore;
            }
        }
    }

    /// <summary>Takes note of a beat. One that was seen before changes nothing.</summary>
    public void Observe(WorkerBeat beat)
    {
        lock (_lock)
        {
            if (beat.Counter == _counter)
            {
                return;
            }

            _counter = beat.Counter;
            _digest = beat.PrefixDigest.IsDefault ? [] : beat.PrefixDigest;
            int blockTokens = DigestReader.BlockTokens(_digest.AsSpan());
            _freeTokens = blockTokens == 0 ? long.MaxValue : (long)beat.FreeBlocks * blockTokens;
            (_givenBefore, _given) = (_given, _givenBefore);
            _given.Clear();
            (_givenTokensBefore, _givenTokens) = (_givenTokens, 0);
        }
    }

    /// <summary>How much of the beginning of a prompt is cached, in tokens.</summary>
    public int CachedTokens(PrefixChain chain)
    {
        lock (_lock)
        {
            int blocks = 0;
            if (DigestReader.BlockTokens(_digest.AsSpan()) == chain.BlockTokens)
            {
                while (blocks < chain.BlockCount && IsCached(chain[blocks]))
                {
                    blocks++;
                }
            }

            return blocks * chain.BlockTokens;
        }
    }

    /// <summary>A generation was given to the worker: soon it has these blocks.</summary>
    /// <param name="chain">Of its prompt; null: not known.</param>
    /// <param name="newTokens">Tokens that need memory of their own.</param>
    public void Give(PrefixChain? chain, long newTokens)
    {
        lock (_lock)
        {
            _givenTokens += newTokens;
            for (int block = 0; block < (chain?.BlockCount ?? 0) && _given.Count < MostNotes; block++)
            {
                _given.Add(chain![block]);
            }
        }
    }

    private bool IsCached(UInt128 name) => DigestReader.MayContain(_digest.AsSpan(), name) || _given.Contains(name) || _givenBefore.Contains(name);
}
