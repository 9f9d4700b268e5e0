using GlmCluster.Engine.KvCache;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Routing;

namespace GlmCluster.Bench.Routing;

/// <summary>A worker with the bookkeeping of a prefix cache and made-up times: it reads one prompt after the other and decodes all at once.</summary>
internal sealed class SimulatedWorker(int number, int slots, int cacheBlocks)
{
    public const int BlockTokens = 32;
    public const string Seed = "simulated";

    private readonly Dictionary<UInt128, LinkedListNode<UInt128>> _blocks = [];
    private readonly LinkedList<UInt128> _byUse = [];
    private long _beats;

    public Guid Id { get; } = new(number + 1, 0, 0, new byte[8]);

    public WorkerCard Card { get; } = new($"w{number}", new ModelReference("m", "h"), slots, 1000, NumericsClass: null, Seed);

    public WorkerHints Hints { get; } = new();

    public int Running { get; set; }

    /// <summary>Seconds at which it has read the prompts that it has.</summary>
    public double ReadUntil { get; set; }

    public void Beat() => Hints.Observe(new WorkerBeat(++_beats, Running, cacheBlocks, [.. PrefixDigest.Build(_blocks.Keys, BlockTokens)]));

    /// <summary>Finds the whole blocks of a beginning, and keeps all of them from here on; the least recently used leave.</summary>
    /// <returns>Tokens found.</returns>
    public int Use(PrefixChain chain)
    {
        int found = 0;
        while (found < chain.BlockCount && _blocks.ContainsKey(chain[found]))
        {
            found++;
        }

        for (int block = chain.BlockCount - 1; block >= 0; block--) // what continues a block leaves before it
        {
            if (_blocks.Remove(chain[block], out LinkedListNode<UInt128>? node))
            {
                _byUse.Remove(node);
            }

            _blocks[chain[block]] = _byUse.AddLast(chain[block]);
        }

        while (_blocks.Count > cacheBlocks)
        {
            _blocks.Remove(_byUse.First!.Value);
            _byUse.RemoveFirst();
        }

        return found * BlockTokens;
    }
}
