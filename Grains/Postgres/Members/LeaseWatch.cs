namespace GlmCluster.Grains.Postgres.Members;

/// <summary>Finds members whose beat stands still, on this process's monotonic clock. One caller at a time.</summary>
internal sealed class LeaseWatch(TimeSpan lease, TimeProvider time)
{
    private readonly Dictionary<Guid, Seen> _seen = [];

    /// <summary>Takes the counters as they are now.</summary>
    /// <returns>Members whose counter has not moved for the lease.</returns>
    public IReadOnlyList<Guid> Observe(IReadOnlyDictionary<Guid, long> counters)
    {
        var expired = new List<Guid>();
        foreach (Guid left in _seen.Keys.Where(member => !counters.ContainsKey(member)).ToArray())
        {
            _seen.Remove(left);
        }

        foreach ((Guid member, long counter) in counters)
        {
            if (!_seen.TryGetValue(member, out Seen seen) || seen.Counter != counter)
            {
                _seen[member] = new Seen(counter, time.GetTimestamp());
            }
            else if (time.GetElapsedTime(seen.Since) >= lease)
            {
                expired.Add(member);
            }
        }

        return expired;
    }

    /// <summary>The counters could not be read for a while: nothing that was seen before says anything now.</summary>
    public void Restart() => _seen.Clear();

    private readonly record struct Seen(long Counter, long Since);
}
