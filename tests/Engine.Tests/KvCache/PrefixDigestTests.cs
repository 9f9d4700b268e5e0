using System.Globalization;
using GlmCluster.Engine.KvCache;

namespace GlmCluster.Engine.Tests.KvCache;

public sealed class PrefixDigestTests
{
    [Theory]
    [InlineData(1, 68)]
    [InlineData(1000, 2004)]
    [InlineData(5000, PrefixDigest.MaxBytes)]
    public void Build_Hashes_FindsThemAllAndHardlyAnyOther(int count, int expectedBytes)
    {
        byte[] digest = PrefixDigest.Build(Chain(seed: 1, count), blockTokens: 32);

        Assert.Equal(expectedBytes, digest.Length);
        Assert.All(Chain(seed: 1, count), hash => Assert.True(PrefixDigest.MayContain(digest, hash)));
        Assert.InRange(Chain(seed: 2, 10_000).Count(hash => PrefixDigest.MayContain(digest, hash)), 0, count > 4096 ? 100 : 50);
    }

    [Fact]
    public void Build_NoHashes_FindsNone() => Assert.False(PrefixDigest.MayContain(PrefixDigest.Build([], blockTokens: 32), 5));

    /// <summary>Computed with Python's hashlib from the description in docs/engine.md.</summary>
    [Fact]
    public void Build_Example_IsWhatTheDescriptionGives()
    {
        UInt128 root = PrefixHash.Root("model f32 f32", "");
        UInt128 hash = PrefixHash.Extend(root, [1, 2, 3, 4]);

        Assert.Equal(UInt128.Parse("284558701432070986676589503366632668180", CultureInfo.InvariantCulture), root);
        Assert.Equal(UInt128.Parse("152783805096153515536713449120339407037", CultureInfo.InvariantCulture), hash);
        byte[] digest = PrefixDigest.Build([hash], blockTokens: 4);
        Assert.Equal([1, 4, 4, 0], digest[..4]);
        Assert.Equal([229, 231, 338, 362], Enumerable.Range(0, 512).Where(bit => (digest[4 + (bit / 8)] & (1 << (bit % 8))) != 0));
    }

    private static List<UInt128> Chain(int seed, int count)
    {
        List<UInt128> hashes = [PrefixHash.Root($"{seed}", "")];
        while (hashes.Count <= count)
        {
            hashes.Add(PrefixHash.Extend(hashes[^1], [hashes.Count]));
        }

        return hashes[1..];
    }
}
