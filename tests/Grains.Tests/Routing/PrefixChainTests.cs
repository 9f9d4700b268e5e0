using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Routing;

namespace GlmCluster.Grains.Tests.Routing;

/// <summary>The reader of digests. The bytes are those of the engine's own test, <c>PrefixDigestTests</c>.</summary>
public sealed class PrefixChainTests
{
    private static readonly PrefixChainRoot Root = new("model f32 f32", "", BlockTokens: 4);

    private readonly WorkerHints _hints = new();

    [Fact]
    public void CachedTokens_ExampleOfTheEngine_FindsItsBlock()
    {
        _hints.Observe(Beat(1, ExampleDigest()));

        Assert.Equal(4, _hints.BlockTokens);
        Assert.Equal(4, _hints.CachedTokens(new PrefixChain(Root, [1, 2, 3, 4, 5, 6, 7, 8, 9])));
        Assert.Equal(0, _hints.CachedTokens(new PrefixChain(Root, [1, 2, 3])));
        Assert.Equal(0, _hints.CachedTokens(new PrefixChain(Root, [2, 2, 3, 4])));
        Assert.Equal(0, _hints.CachedTokens(new PrefixChain(Root with { Scope = "alice" }, [1, 2, 3, 4])));
    }

    [Fact]
    public void Give_UntilTheSecondBeatAfter_CountsAsCachedAndTakesMemory()
    {
        var chain = new PrefixChain(Root, [5, 6, 7, 8, 9, 10, 11, 12]);
        _hints.Observe(Beat(1, ExampleDigest()));
        _hints.Give(chain, newTokens: 10);

        Assert.Equal((8, 30), (_hints.CachedTokens(chain), _hints.FreeTokens));
        _hints.Observe(Beat(1, ExampleDigest())); // the same beat, seen again
        _hints.Observe(Beat(2, ExampleDigest()));
        Assert.Equal((8, 30), (_hints.CachedTokens(chain), _hints.FreeTokens));
        _hints.Observe(Beat(3, ExampleDigest()));
        Assert.Equal((0, 40), (_hints.CachedTokens(chain), _hints.FreeTokens));
    }

    [Theory]
    [InlineData("")]
    [InlineData("01")]
    [InlineData("020404000000")]
    [InlineData("010304000000")]
    public void CachedTokens_DigestOfAnotherForm_FindsNothing(string digest)
    {
        _hints.Observe(Beat(1, Convert.FromHexString(digest)));

        Assert.Equal(0, _hints.BlockTokens);
        Assert.Equal(0, _hints.CachedTokens(new PrefixChain(Root, [1, 2, 3, 4])));
        Assert.Equal(long.MaxValue, _hints.FreeTokens);
    }

    private static WorkerBeat Beat(long counter, byte[] digest) => new(counter, 0, FreeBlocks: 10, [.. digest]);

    private static byte[] ExampleDigest()
    {
        var digest = new byte[4 + 64];
        (digest[0], digest[1], digest[2]) = (1, 4, 4);
        foreach (int bit in (int[])[229, 231, 338, 362])
        {
            digest[4 + (bit / 8)] |= (byte)(1 << (bit % 8));
        }

        return digest;
    }
}
