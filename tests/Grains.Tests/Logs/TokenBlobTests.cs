using GlmCluster.Grains.Logs;

namespace GlmCluster.Grains.Tests.Logs;

public sealed class TokenBlobTests
{
    [Fact]
    public void FromIds_IsLittleEndian() => Assert.Equal([1, 0, 0, 0, 0x40, 0x42, 0x0F, 0], TokenBlob.FromIds([1, 1_000_000]));

    [Fact]
    public void ToIds_GivesTheIdsBack() => Assert.Equal([0, 7, int.MaxValue], TokenBlob.ToIds(TokenBlob.FromIds([0, 7, int.MaxValue])));

    [Fact]
    public void ToIds_CutBlob_Throws() => Assert.Throws<InvalidDataException>(() => TokenBlob.ToIds([1, 2, 3]));
}
