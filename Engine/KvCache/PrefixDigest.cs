using System.Buffers.Binary;

namespace GlmCluster.Engine.KvCache;

/// <summary>A sketch of what a prefix cache holds, small enough for every heartbeat: a Bloom filter over the hashes of its full blocks.</summary>
/// <remarks>
/// Version 1: a byte 1, a byte 4 (bits per hash), the tokens of a block (uint16), then the filter's m bits; bit b is bit b % 8 of byte b / 8. Each of the four
/// 32-bit words w of a hash sets bit w · m / 2^32. All little endian. Described for readers in docs/engine.md.
/// </remarks>
internal static class PrefixDigest
{
    public const int MaxBytes = 8192;

    private const int HeaderBytes = 4;
    private const int BytesPerHash = 2; // 16 bits: one false hit in 400; a full digest of 16,000 blocks has one in 6
    private const int SmallestFilterBytes = 64;
    private const int Words = 4;

    public static byte[] Build(IReadOnlyCollection<UInt128> hashes, int blockTokens)
    {
        int filterBytes = (int)Math.Clamp((long)hashes.Count * BytesPerHash, SmallestFilterBytes, MaxBytes - HeaderBytes);
        var digest = new byte[HeaderBytes + filterBytes];
        digest[0] = 1;
        digest[1] = Words;
        BinaryPrimitives.WriteUInt16LittleEndian(digest.AsSpan(2), checked((ushort)blockTokens));
        Span<byte> filter = digest.AsSpan(HeaderBytes);
        foreach (UInt128 hash in hashes)
        {
            for (int word = 0; word < Words; word++)
            {
                int bit = Bit(hash, word, filter.Length);
                filter[bit / 8] |= (byte)(1 << (bit % 8));
            }
        }

        return digest;
    }

    /// <summary>Whether a block is cached, as far as the digest tells: never wrong where it is, seldom where it is not.</summary>
    public static bool MayContain(ReadOnlySpan<byte> digest, UInt128 hash)
    {
        ReadOnlySpan<byte> filter = digest[HeaderBytes..];
        for (int word = 0; word < Words; word++)
        {
            int bit = Bit(hash, word, filter.Length);
            if ((filter[bit / 8] & (1 << (bit % 8))) == 0)
            {
                return false;
            }
        }

        return true;
    }

    private static int Bit(UInt128 hash, int word, int filterBytes) => (int)(((ulong)(uint)(hash >> (32 * word)) * ((ulong)filterBytes * 8)) >> 32);
}
