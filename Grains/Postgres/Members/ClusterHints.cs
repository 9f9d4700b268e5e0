using System.Collections.Concurrent;
using System.Collections.Immutable;
using GlmCluster.Grains.Postgres.Sql;
using GlmCluster.Grains.Routing;

namespace GlmCluster.Grains.Postgres.Members;

/// <summary>Digests that were read, by worker, with their numbers.</summary>
internal sealed record ReadDigests(ImmutableDictionary<Guid, (long Number, ImmutableArray<byte> Digest)> ByWorker)
{
    public static ReadDigests None { get; } = new(ImmutableDictionary<Guid, (long, ImmutableArray<byte>)>.Empty);

    public long[] Numbers => [.. ByWorker.Values.Select(digest => digest.Number)];
}

/// <summary>What this process knows of the workers' caches. Digests are read once each, off the way of requests. Thread-safe.</summary>
internal sealed class ClusterHints
{
    private readonly ConcurrentDictionary<Guid, WorkerHints> _hints = new();

    /// <summary>What need not be read again.</summary>
    public ReadDigests Digests { get; private set; } = ReadDigests.None;

    /// <summary>Of a worker; without anything known of one that was not seen yet.</summary>
    public WorkerHints Of(Guid worker) => _hints.GetOrAdd(worker, _ => new WorkerHints());

    /// <summary>Takes note of all workers there are.</summary>
    /// <param name="workers">Read without the digests in <paramref name="known"/>.</param>
    /// <param name="known">What <see cref="Digests"/> was then.</param>
    public void Observe(IReadOnlyList<WorkerRow> workers, ReadDigests known)
    {
        var digests = ImmutableDictionary.CreateBuilder<Guid, (long, ImmutableArray<byte>)>();
        foreach (WorkerRow worker in workers)
        {
            if (worker.Status.LastBeat is not { } beat)
            {
                continue;
            }

            Guid id = worker.Status.Incarnation.Value;
            ImmutableArray<byte> digest =
                known.ByWorker.TryGetValue(id, out var read) && read.Number == worker.DigestNumber ? read.Digest : beat.PrefixDigest;
            digests[id] = (worker.DigestNumber, digest);
            Of(id).Observe(beat with { PrefixDigest = digest });
        }

        Digests = new ReadDigests(digests.ToImmutable());
        foreach (Guid gone in _hints.Keys.Except(workers.Select(worker => worker.Status.Incarnation.Value)))
        {
            _hints.TryRemove(gone, out _);
        }
    }
}
