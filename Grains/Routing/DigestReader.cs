using System.Buffers.Binary;

namespace GlmCluster.Grains.Routing;

/// <summary>Reads the prefix digest of a heartbeat: a Bloom filter over the names of a worker's cached blocks. docs/engine.md describes its form.</summary>
internal static class DigestReader
{
    private const int HeaderBytes = 4;
    private const int Version = 1;
    private const int Words = 4;

    /// <returns>Tokens of a block; 0: the digest is empty, or of a form that is not known here.</returns>
    public static int BlockTokens(ReadOnlySpan<byte> digest) =>
        digest.Length > HeaderBytes && digest[0] == Version && digest[1] == Words ? BinaryPrimitives.ReadUInt16LittleEndian(digest[2..]) : 0;

    /// <summary>Whether a block is cached, as far as a digest with <see cref="BlockTokens"/> tells.</summary>
    public static bool MayContain(ReadOnlySpan<byte> digest, UInt128 name)
    {
        ReadOnlySpan<byte> filter = digest[HeaderBytes..];
        for (int word = 0; word < Words; word++)
        {
            int bit = (int)(((ulong)(uint)(name >> (32 * word)) * ((ulong)filter.Length * 8)) >> 32);
            if ((filter[bit / 8] & (1 << (bit % 8))) == 0)
            {
                return false;
            }
        }

        return true;
    }
}
