using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace GlmCluster.Grains.Routing;

/// <summary>What a chain of block names depends on besides the tokens.</summary>
/// <param name="Seed">As <see cref="Abstractions.Workers.WorkerCard.PrefixSeed"/>.</param>
/// <param name="Scope">Whose prompts share: one caller's, or empty for all.</param>
/// <param name="BlockTokens">Tokens of a block, at least 1.</param>
internal readonly record struct PrefixChainRoot(string Seed, string Scope, int BlockTokens);

/// <summary>The names of a prompt's whole KV blocks, as prefix digests know them; made one by one, as far as somebody asks.</summary>
/// <remarks>
/// Each is the first half of a SHA-256 over the one before and the tokens; docs/engine.md describes the form, and a test pins the engine's own example.
/// Used by one thread at a time.
/// </remarks>
internal sealed class PrefixChain(PrefixChainRoot root, ImmutableArray<int> promptIds)
{
    private const int NameBytes = 16;

    private readonly List<UInt128> _names = [];

    public int BlockTokens => root.BlockTokens;

    public int BlockCount => promptIds.Length / root.BlockTokens;

    /// <summary>Name of a block, from 0 on.</summary>
    public UInt128 this[int block]
    {
        get
        {
            while (_names.Count <= block)
            {
                _names.Add(Extend(_names.Count == 0 ? Start() : _names[^1], promptIds.AsSpan(_names.Count * BlockTokens, BlockTokens)));
            }

            return _names[block];
        }
    }

    private UInt128 Start() => Name(Encoding.UTF8.GetBytes($"{root.Seed}\0{root.Scope}"));

    private static UInt128 Extend(UInt128 parent, ReadOnlySpan<int> tokenIds)
    {
        var input = new byte[NameBytes + (tokenIds.Length * sizeof(int))];
        BinaryPrimitives.WriteUInt128LittleEndian(input, parent);
        for (int i = 0; i < tokenIds.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(input.AsSpan(NameBytes + (i * sizeof(int))), tokenIds[i]);
        }

        return Name(input);
    }

    private static UInt128 Name(ReadOnlySpan<byte> input)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}
