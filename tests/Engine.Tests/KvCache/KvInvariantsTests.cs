using GlmCluster.Engine.KvCache;

namespace GlmCluster.Engine.Tests.KvCache;

public sealed class KvInvariantsTests
{
    [Fact]
    public void FindViolation_SharedAndFreeBlocks_FindsNone() =>
        Assert.Null(KvInvariants.FindViolation(new KvSnapshot([2, 1, 0], Empty: [2], Kept: [], new KvEntry?[3], Tables: [[0, 1], [0]])));

    [Fact]
    public void FindViolation_BlockNobodyHolds_NamesIt() =>
        Assert.Contains("Block 1 counts 1 references; 0 sequences", Find(references: [0, 1], free: [0], tables: []), StringComparison.Ordinal);

    [Fact]
    public void FindViolation_SharedWithoutReference_NamesIt() =>
        Assert.Contains("Block 0 counts 1 references; 2 sequences", Find(references: [1], free: [], tables: [[0], [0]]), StringComparison.Ordinal);

    [Fact]
    public void FindViolation_LostBlock_NamesIt() =>
        Assert.Contains("Block 0 has 0 references and is 0 times", Find(references: [0], free: [], tables: []), StringComparison.Ordinal);

    [Fact]
    public void FindViolation_FreedTwice_NamesIt() =>
        Assert.Contains("Block 0 has 0 references and is 2 times", Find(references: [0], free: [0, 0], tables: []), StringComparison.Ordinal);

    [Fact]
    public void FindViolation_HeldAndFree_NamesIt() =>
        Assert.Contains("Block 0 has 1 references and is 1 times", Find(references: [1], free: [0], tables: [[0]]), StringComparison.Ordinal);

    [Fact]
    public void FindViolation_TwiceInOneTable_NamesIt() =>
        Assert.Contains("holds a block twice: 0 0", Find(references: [2], free: [], tables: [[0, 0]]), StringComparison.Ordinal);

    [Fact]
    public void FindViolation_ChainOfKeptBlocks_FindsNone() => Assert.Null(FindKept([2, 1, 0], First(10), After(10, 11), After(11, null)));

    [Fact]
    public void FindViolation_KeptWithoutContent_NamesIt() =>
        Assert.Contains("Block 1 is kept and not in the index", FindKept([1, 0], First(10), null), StringComparison.Ordinal);

    [Fact]
    public void FindViolation_TwoBlocksOfOneHash_NamesThem() =>
        Assert.Contains("Blocks 0 and 1 have one hash", FindKept([1, 0], First(10), First(10)), StringComparison.Ordinal);

    [Fact]
    public void FindViolation_BlockWithoutItsParent_NamesIt() =>
        Assert.Contains("Block 1 cannot be reached", FindKept([1, 0], First(10), After(11, 12)), StringComparison.Ordinal);

    [Fact]
    public void FindViolation_ParentGivenAwayFirst_NamesBoth() =>
        Assert.Contains("Block 0 would be given away before block 1", FindKept([0, 1], First(10), After(10, 11)), StringComparison.Ordinal);

    [Fact]
    public void FindViolation_HeldWithoutItsParent_NamesBoth() =>
        Assert.Contains(
            "Block 1 has 1 references; the block 0 before it has 0",
            KvInvariants.FindViolation(new KvSnapshot([0, 1], Empty: [], Kept: [0], [First(10), After(10, 11)], Tables: [[1]])),
            StringComparison.Ordinal);

    private static KvEntry First(int hash) => new(Parent: 1, IsFirst: true, (UInt128)hash);

    private static KvEntry After(int parent, int? hash) => new((UInt128)parent, IsFirst: false, hash is { } h ? (UInt128)h : null);

    private static string? FindKept(int[] kept, params KvEntry?[] entries) =>
        KvInvariants.FindViolation(new KvSnapshot(new int[kept.Length], Empty: [], kept, entries, Tables: []));

    private static string? Find(int[] references, int[] free, int[][] tables) =>
        KvInvariants.FindViolation(new KvSnapshot(references, free, Kept: [], new KvEntry?[references.Length], tables));
}
