using System.Buffers.Binary;
using System.Text;

namespace GlmCluster.Checkpoints.Weights.Torch;

/// <summary>Where a stored entry's bytes lie in its archive.</summary>
internal readonly record struct ZipEntry(string Name, long Offset, long ByteLength);

/// <summary>Reads the directory of a ZIP archive whose entries are stored, not compressed, as PyTorch writes them; 64-bit sizes included.</summary>
/// <remarks>
/// Format: APPNOTE.TXT 6.3.10 of PKWARE. Nothing is unpacked, so an archive can never be larger than its file. Every entry must lie inside
/// the file and overlap no other.
/// </remarks>
internal sealed unsafe class ZipDirectory
{
    private const uint EndSignature = 0x06054b50;
    private const uint End64LocatorSignature = 0x07064b50;
    private const uint End64Signature = 0x06064b50;
    private const uint EntrySignature = 0x02014b50;
    private const uint LocalSignature = 0x04034b50;
    private const int EndBytes = 22;
    private const int End64LocatorBytes = 20;
    private const int End64Bytes = 56;
    private const int EntryBytes = 46;
    private const int LocalBytes = 30;
    private const int LongestComment = ushort.MaxValue;
    private const int MostEntries = 1 << 20;
    private const ushort Extra64 = 1;

    private readonly byte* _data;
    private readonly long _length;
    private readonly string _file;

    private ZipDirectory(byte* data, long length, string file)
    {
        _data = data;
        _length = length;
        _file = file;
    }

    /// <summary>Whether bytes begin as an archive does.</summary>
    public static bool IsArchive(byte* data, long length) =>
        length >= LocalBytes && BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(data, sizeof(uint))) == LocalSignature;

    /// <exception cref="CheckpointException">The archive is damaged, or has an entry that is compressed, encrypted or out of place.</exception>
    public static IReadOnlyList<ZipEntry> Read(byte* data, long length, string file) => new ZipDirectory(data, length, file).Read();

    private List<ZipEntry> Read()
    {
        (long count, long offset) = FindDirectory();
        if (count > MostEntries)
        {
            throw Broken($"its directory states {count:N0} entries; supported: up to {MostEntries:N0}");
        }

        List<ZipEntry> entries = [];
        for (long i = 0; i < count; i++)
        {
            (ZipEntry entry, offset) = ReadEntry(offset);
            entries.Add(entry);
        }

        CheckOverlaps(entries);
        return entries;
    }

    private (long Count, long Offset) FindDirectory()
    {
        for (long end = _length - EndBytes; end >= Math.Max(0, _length - EndBytes - LongestComment); end--)
        {
            if (U32(end) == EndSignature)
            {
                long locator = end - End64LocatorBytes;
                return locator >= 0 && U32(locator) == End64LocatorSignature
                    ? FindDirectory64(locator)
                    : (U16(end + 10), U32(end + 16));
            }
        }

        throw Broken("it has no directory: it is truncated");
    }

    private (long Count, long Offset) FindDirectory64(long locator)
    {
        long end = I64(locator + 8);
        Bytes(end, End64Bytes);
        return U32(end) == End64Signature ? (I64(end + 32), I64(end + 48)) : throw Broken("its 64-bit directory is not where it says");
    }

    private (ZipEntry Entry, long Next) ReadEntry(long offset)
    {
        Bytes(offset, EntryBytes);
        if (U32(offset) != EntrySignature)
        {
            throw Broken("its directory is damaged");
        }

        int nameBytes = U16(offset + 28);
        int extraBytes = U16(offset + 30);
        string name = Encoding.UTF8.GetString(Bytes(offset + EntryBytes, nameBytes));
        if (U16(offset + 10) != 0 || (U16(offset + 8) & 1) != 0)
        {
            throw Broken($"its entry \"{name}\" is compressed or encrypted; supported: stored entries, as PyTorch writes them");
        }

        (long byteLength, long storedLength, long local) = Sizes(offset, name, Bytes(offset + EntryBytes + nameBytes, extraBytes));
        if (byteLength != storedLength)
        {
            throw Broken($"its entry \"{name}\" has {storedLength:N0} bytes and states {byteLength:N0}");
        }

        Bytes(local, LocalBytes);
        if (U32(local) != LocalSignature)
        {
            throw Broken($"its entry \"{name}\" is not where its directory says");
        }

        long data = local + LocalBytes + U16(local + 26) + U16(local + 28);
        if (data > _length || byteLength > _length - data)
        {
            throw Broken($"its entry \"{name}\" of {byteLength:N0} bytes reaches beyond the end: it is truncated or damaged");
        }

        return (new ZipEntry(name, data, byteLength), offset + EntryBytes + nameBytes + extraBytes + U16(offset + 32));
    }

    /// <summary>Sizes and place; those that do not fit 32 bits follow in the extra field, in this order.</summary>
    private (long ByteLength, long StoredLength, long Local) Sizes(long offset, string name, ReadOnlySpan<byte> extra)
    {
        long[] values = [U32(offset + 24), U32(offset + 20), U32(offset + 42)];
        ReadOnlySpan<byte> wide = FindExtra64(extra);
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] == uint.MaxValue && wide.Length >= sizeof(long))
            {
                values[i] = BinaryPrimitives.ReadInt64LittleEndian(wide);
                wide = wide[sizeof(long)..];
            }

            if (values[i] < 0)
            {
                throw Broken($"its entry \"{name}\" states a negative size");
            }
        }

        return (values[0], values[1], values[2]);
    }

    private static ReadOnlySpan<byte> FindExtra64(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            int size = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]), extra.Length - 4);
            if (BinaryPrimitives.ReadUInt16LittleEndian(extra) == Extra64)
            {
                return extra.Slice(4, size);
            }

            extra = extra[(4 + size)..];
        }

        return [];
    }

    private void CheckOverlaps(List<ZipEntry> entries)
    {
        ZipEntry previous = default;
        foreach (ZipEntry entry in entries.Where(entry => entry.ByteLength > 0).OrderBy(entry => entry.Offset))
        {
            if (entry.Offset < previous.Offset + previous.ByteLength)
            {
                throw Broken($"its entries \"{previous.Name}\" and \"{entry.Name}\" overlap");
            }

            previous = entry;
        }
    }

    private int U16(long offset) => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(offset, sizeof(ushort)));

    private uint U32(long offset) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(offset, sizeof(uint)));

    private long I64(long offset) => BinaryPrimitives.ReadInt64LittleEndian(Bytes(offset, sizeof(long)));

    private ReadOnlySpan<byte> Bytes(long offset, int count) => offset >= 0 && count <= _length && offset <= _length - count
        ? new ReadOnlySpan<byte>(_data + offset, count)
        : throw Broken("it is truncated or damaged");

    private CheckpointException Broken(string fault) => new($"{_file} is no readable PyTorch file: {fault}. Fetch it again.");
}
