using System.Buffers.Binary;

namespace GlmCluster.Checkpoints.Tokenization.SentencePieces;

/// <summary>Goes through the fields of one protobuf message (protobuf.dev/programming-guides/encoding). Groups are not supported.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    /// <summary>Number of the current field.</summary>
    public int Field { get; private set; }

    /// <summary>Value of a number field: a variable-length integer, or the bits of a fixed one.</summary>
    public ulong Number { get; private set; }

    /// <summary>Content of a text or message field; empty for numbers.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Moves to the next field; false at the end.</summary>
    /// <exception cref="InvalidDataException">The message is cut off or not protobuf.</exception>
    public bool Read()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        ulong tag = ReadVariable();
        Field = tag >> 3 is > 0 and <= int.MaxValue ? (int)(tag >> 3) : throw new InvalidDataException("a field has no valid number");
        Number = 0;
        Bytes = [];
        switch (tag & 7)
        {
            case 0:
                Number = ReadVariable();
                break;
            case 1:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));
                break;
            case 2:
                Bytes = Take(ReadVariable());
                break;
            case 5:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));
                break;
            default:
                throw new InvalidDataException($"field {Field} has the unsupported wire type {tag & 7}");
        }

        return true;
    }

    private ulong ReadVariable()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte part = Take(1)[0];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("a number has more than ten bytes");
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length)
        {
            throw new InvalidDataException("it is cut off");
        }

        ReadOnlySpan<byte> taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }
}
