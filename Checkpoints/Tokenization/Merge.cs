namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>What two neighbours become.</summary>
/// <param name="Rank">Lower ranks join first.</param>
/// <param name="Id">The joined piece.</param>
internal readonly record struct Merge(int Rank, int Id)
{
    public static readonly Merge None = new(int.MaxValue, -1);

    /// <summary>An empty table. Of a pair set twice the later merge counts, as in the reference implementation.</summary>
    public static PairTable<Merge> NewTable(int expectedPairs) => new(expectedPairs, None);
}
