using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace GlmCluster.Grains.Routing;

/// <summary>
/// Keeps what has one key on one worker, as long as that one is within the load bound: each key ranks the workers in an order of its own, and the first
/// that may take it does. A worker that comes or goes moves only its own keys.
/// </summary>
/// <remarks>The order is that of "A Name-Based Mapping Scheme for Rendezvous" (Thaler, Ravishankar, 1996).</remarks>
internal sealed class ConsistentHashPolicy : IRoutingPolicy
{
    private const int WorkerBytes = 16;

    public bool UsesPrefixes => false;

    public int Pick(string key, ReadOnlySpan<RoutingCandidate> candidates)
    {
        var bound = new LoadBound(candidates);
        var text = new byte[WorkerBytes + Encoding.UTF8.GetByteCount(key)];
        Encoding.UTF8.GetBytes(key, text.AsSpan(WorkerBytes));
        int best = -1;
        ulong bestRank = 0;
        for (int i = 0; i < candidates.Length; i++)
        {
            ulong rank = Rank(text, candidates[i].Worker);
            if (bound.Allows(candidates[i]) && (best < 0 || rank > bestRank))
            {
                (best, bestRank) = (i, rank);
            }
        }

        return best;
    }

    private static ulong Rank(Span<byte> text, Guid worker)
    {
        worker.TryWriteBytes(text);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }
}
