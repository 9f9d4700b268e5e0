using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Grains.Logs;

/// <summary>Token ids as bytes: 32-bit little endian, one after the other. Logarithms are the same with their bits, alternatives are id and logarithm.</summary>
internal static class TokenBlob
{
    public static byte[] FromIds(ReadOnlySpan<int> ids)
    {
        byte[] bytes = new byte[ids.Length * sizeof(int)];
        for (int i = 0; i < ids.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(i * sizeof(int)), ids[i]);
        }

        return bytes;
    }

    /// <exception cref="InvalidDataException">The blob is cut.</exception>
    public static ImmutableArray<int> ToIds(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length % sizeof(int) != 0)
        {
            throw new InvalidDataException($"A blob of {bytes.Length} bytes holds no whole number of token ids.");
        }

        int[] ids = new int[bytes.Length / sizeof(int)];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(i * sizeof(int))..]);
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(ids);
    }

    /// <returns>Null where there are none.</returns>
    public static byte[]? FromLogprobs(ImmutableArray<float> logprobs) =>
        logprobs.IsDefault ? null : FromIds([.. logprobs.Select(BitConverter.SingleToInt32Bits)]);

    /// <returns>Null where there are none.</returns>
    public static byte[]? FromTopLogprobs(ImmutableArray<TokenLogprob> tops) =>
        tops.IsDefault ? null : FromIds([.. tops.SelectMany(top => new[] { top.Id, BitConverter.SingleToInt32Bits(top.Logprob) })]);

    /// <exception cref="InvalidDataException">The blob is cut.</exception>
    public static ImmutableArray<float> ToLogprobs(ReadOnlySpan<byte> bytes) => [.. ToIds(bytes).Select(BitConverter.Int32BitsToSingle)];

    /// <exception cref="InvalidDataException">The blob is cut.</exception>
    public static ImmutableArray<TokenLogprob> ToTopLogprobs(ReadOnlySpan<byte> bytes)
    {
        ImmutableArray<int> values = ToIds(bytes);
        return values.Length % 2 == 0
            ? [.. values.Chunk(2).Select(pair => new TokenLogprob(pair[0], BitConverter.Int32BitsToSingle(pair[1])))]
            : throw new InvalidDataException($"A blob of {bytes.Length} bytes holds no whole number of alternatives.");
    }
}
