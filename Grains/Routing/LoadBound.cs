namespace GlmCluster.Grains.Routing;

/// <summary>How much a worker may have for the sake of what it has cached: no more than a quarter above its share of all load, and a few sequences.</summary>
/// <remarks>The quarter is that of "Consistent Hashing with Bounded Loads" (Mirrokni, Thorup, Zadimoghaddam, SODA 2018).</remarks>
internal readonly struct LoadBound
{
    private const double AboveMean = 1.25;
    private const int SlotsPerSpare = 16; // of 32 slots, 2 more

    private readonly double _loadPerSlot;

    public LoadBound(ReadOnlySpan<RoutingCandidate> candidates)
    {
        long load = 1; // the one that comes
        long slots = 0;
        foreach (ref readonly RoutingCandidate candidate in candidates)
        {
            load += candidate.Load;
            slots += candidate.Slots;
        }

        _loadPerSlot = AboveMean * load / slots;
    }

    /// <summary>Whether a worker may take one more. At least one of the candidates may.</summary>
    public bool Allows(in RoutingCandidate candidate) => candidate.Load <= (_loadPerSlot * candidate.Slots) + (candidate.Slots / SlotsPerSpare);
}
