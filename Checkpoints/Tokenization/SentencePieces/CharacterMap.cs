using System.Buffers.Binary;
using System.Text;

namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>
/// The rules by which a SentencePiece normaliser replaces characters. In the file they are a length, a double-array trie over UTF-8
/// (github.com/s-yata/darts-clone) whose leaves hold offsets, and the replacements, each ended by a zero byte.
/// </summary>
internal sealed class CharacterMap
{
    /// <summary>Far above NFKC's longest rule.</summary>
    private const int MaximumKeyBytes = 256;

    /// <summary>Far above NFKC's, which are some ten thousand.</summary>
    private const int MaximumNodes = 1 << 20;

    private readonly PieceTrie _trie = new(1 << 14);
    private readonly List<string> _replacements = [];

    private CharacterMap()
    {
    }

    /// <exception cref="InvalidDataException">The rules are damaged.</exception>
    public static CharacterMap Read(ReadOnlySpan<byte> content)
    {
        var map = new CharacterMap();
        if (content.IsEmpty)
        {
            return map;
        }

        uint trieBytes = content.Length < sizeof(uint) ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(content);
        if (trieBytes > content.Length - sizeof(uint) || trieBytes % sizeof(uint) != 0 || trieBytes == 0)
        {
            throw new InvalidDataException("the normaliser's rules are cut off");
        }

        var reader = new Reader(content.Slice(sizeof(uint), (int)trieBytes), content[(sizeof(uint) + (int)trieBytes)..], map);
        reader.ReadAll();
        return map;
    }

    /// <summary>Whether any rule begins with this unit.</summary>
    public bool MayReplace(char unit) => _trie.MayStart(unit);

    /// <summary>The rule for the longest beginning of a text.</summary>
    /// <param name="text">What is normalised.</param>
    /// <param name="length">Units that the rule replaces.</param>
    /// <param name="replacement">What stands there instead; may be empty.</param>
    public bool TryReplace(ReadOnlySpan<char> text, out int length, out string replacement)
    {
        replacement = "";
        length = 0;
        if (!MayReplace(text[0]) || !_trie.TryFindLongest(text, out length, out int value))
        {
            return false;
        }

        replacement = _replacements[value];
        return true;
    }

    /// <summary>Walks all ways through the double array. Ways may share their ends, so only their number tells a damaged one that goes in circles.</summary>
    private ref struct Reader(ReadOnlySpan<byte> units, ReadOnlySpan<byte> replacements, CharacterMap map)
    {
        private readonly ReadOnlySpan<byte> _units = units;
        private readonly ReadOnlySpan<byte> _replacements = replacements;
        private readonly byte[] _key = new byte[MaximumKeyBytes];
        private readonly UTF8Encoding _utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
        private int _nodesLeft = MaximumNodes;

        public void ReadAll()
        {
            try
            {
                ReadChildren(Offset(Unit(0)), 0);
            }
            catch (DecoderFallbackException)
            {
                throw new InvalidDataException("the normaliser's rules are not UTF-8");
            }
        }

        /// <param name="position">Position of a node's children, before their label is mixed in.</param>
        /// <param name="length">Bytes of the key so far.</param>
        private void ReadChildren(uint position, int length)
        {
            for (uint label = 1; label < 256; label++)
            {
                uint child = position ^ label;
                if (child >= _units.Length / sizeof(uint) || (Unit(child) & 0x8000_00FF) != label)
                {
                    continue;
                }

                if (length == MaximumKeyBytes || --_nodesLeft < 0)
                {
                    throw new InvalidDataException("the normaliser's rules have no end");
                }

                _key[length] = (byte)label;
                uint children = child ^ Offset(Unit(child));
                if ((Unit(child) & 0x100) != 0)
                {
                    AddRule(length + 1, Unit(children) & 0x7FFF_FFFF);
                }

                ReadChildren(children, length + 1);
            }
        }

        private readonly void AddRule(int keyLength, uint offset)
        {
            ReadOnlySpan<byte> rest = offset < _replacements.Length ? _replacements[(int)offset..] : [];
            int end = rest.IndexOf((byte)0);
            if (end < 0 || end > PieceTableBuilder.MaximumPieceBytes)
            {
                throw new InvalidDataException("a rule of the normaliser points outside the file");
            }

            map._trie.TryAdd(_utf8.GetString(_key, 0, keyLength), map._replacements.Count);
            map._replacements.Add(_utf8.GetString(rest[..end]));
        }

        private readonly uint Unit(uint index) => index < _units.Length / sizeof(uint)
            ? BinaryPrimitives.ReadUInt32LittleEndian(_units[(int)(index * sizeof(uint))..])
            : throw new InvalidDataException("a rule of the normaliser points outside the file");

        private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
    }
}
