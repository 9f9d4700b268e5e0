using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace GlmCluster.Engine.KvCache;

/// <summary>Names what a KV block holds: a chain of 128-bit hashes, one for each full block of tokens, over everything that its keys and values depend on.</summary>
/// <remarks>
/// Each is the first half of a SHA-256, so that nobody can make two prompts meet. The form is part of the heartbeat's digest and described in docs/engine.md.
/// </remarks>
internal static class PrefixHash
{
    private const int HashBytes = 16;
    private const int SmallBlockTokens = 128;

    /// <summary>Start of a chain.</summary>
    /// <param name="seed">Model content and formats; sequences of different seeds share nothing.</param>
    /// <param name="scope">Who shares with whom: one caller, or empty for all of them.</param>
    public static UInt128 Root(string seed, string scope) => Digest(Encoding.UTF8.GetBytes($"{seed}\0{scope}"));

    /// <summary>Hash of a full block from its predecessor's (or the root) and its token ids. Allocates nothing for blocks of up to 128 tokens.</summary>
    public static UInt128 Extend(UInt128 parent, ReadOnlySpan<int> tokenIds)
    {
        int length = HashBytes + (tokenIds.Length * sizeof(int));
        Span<byte> input = tokenIds.Length <= SmallBlockTokens ? stackalloc byte[HashBytes + (SmallBlockTokens * sizeof(int))] : new byte[length];
        BinaryPrimitives.WriteUInt128LittleEndian(input, parent);
        for (int i = 0; i < tokenIds.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(input[(HashBytes + (i * sizeof(int)))..], tokenIds[i]);
        }

        return Digest(input[..length]);
    }

    private static UInt128 Digest(ReadOnlySpan<byte> input)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}
