using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Json;

namespace GlmCluster.Grains.Postgres;

/// <summary>Log entries as bytes, in frames, in log chunks and on the live path.</summary>
/// <remarks>
/// A version byte, then each entry: 12 bytes of id; first seq, choice, count of ids and the ids as LEB128 numbers; the length of the rest and the
/// rest, which is the entry's JSON form without ids, or nothing where the entry has only ids. So members that entries get later need no new version.
/// </remarks>
internal static class LogCodec
{
    public const int IdBytes = GenerationId.Digits / 2;

    private const byte Version = 1;

    public static byte[] Encode(IEnumerable<LogEntry> entries)
    {
        var writer = new ArrayBufferWriter<byte>(256);
        writer.Write([Version]);
        foreach (LogEntry entry in entries)
        {
            WriteId(writer, entry.Generation);
            WriteNumber(writer, (ulong)entry.FirstSeq);
            WriteNumber(writer, (ulong)entry.Choice);
            WriteNumber(writer, (ulong)entry.Ids.Length);
            foreach (int id in entry.Ids)
            {
                WriteNumber(writer, (uint)id);
            }

            byte[] rest = HasOnlyIds(entry)
                ? []
                : JsonSerializer.SerializeToUtf8Bytes(entry with { Ids = [] }, ContractsJsonContext.Default.LogEntry);
            WriteNumber(writer, (ulong)rest.Length);
            writer.Write(rest);
        }

        return writer.WrittenSpan.ToArray();
    }

    /// <exception cref="InvalidDataException">The bytes are cut, or of an unknown version.</exception>
    public static List<LogEntry> Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes is not [Version, ..])
        {
            throw new InvalidDataException("Log entries of an unknown version were found; run a newer glm.");
        }

        bytes = bytes[1..];
        var entries = new List<LogEntry>();
        while (!bytes.IsEmpty)
        {
            GenerationId generation = ReadId(Take(ref bytes, IdBytes));
            long firstSeq = (long)ReadNumber(ref bytes);
            int choice = (int)ReadNumber(ref bytes);
            int[] ids = new int[CheckCount(ReadNumber(ref bytes), bytes.Length)];
            for (int i = 0; i < ids.Length; i++)
            {
                ids[i] = (int)ReadNumber(ref bytes);
            }

            ReadOnlySpan<byte> rest = Take(ref bytes, CheckCount(ReadNumber(ref bytes), bytes.Length));
            ImmutableArray<int> allIds = ImmutableCollectionsMarshal.AsImmutableArray(ids);
            entries.Add(rest.IsEmpty
                ? new LogEntry(generation, firstSeq, choice, allIds)
                : JsonSerializer.Deserialize(rest, ContractsJsonContext.Default.LogEntry)! with { Ids = allIds });
        }

        return entries;
    }

    public static void WriteId(IBufferWriter<byte> writer, GenerationId id)
    {
        Convert.FromHexString(id.ToString(), writer.GetSpan(IdBytes), out _, out int written);
        writer.Advance(written);
    }

    public static GenerationId ReadId(ReadOnlySpan<byte> bytes) => GenerationId.Parse(Convert.ToHexStringLower(bytes[..IdBytes]));

    // Arrays compare by reference, so an entry made of the same parts is equal exactly where nothing else is set.
    private static bool HasOnlyIds(LogEntry entry) => entry == new LogEntry(entry.Generation, entry.FirstSeq, entry.Choice, entry.Ids);

    private static void WriteNumber(ArrayBufferWriter<byte> writer, ulong value)
    {
        Span<byte> span = writer.GetSpan(10);
        int length = 0;
        while (value >= 0x80)
        {
            span[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[length++] = (byte)value;
        writer.Advance(length);
    }

    private static ulong ReadNumber(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Take(ref bytes, 1)[0];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("A number in stored log entries is too long.");
    }

    // Everything takes at least a byte.
    private static int CheckCount(ulong count, int bytesLeft) =>
        count <= (ulong)bytesLeft ? (int)count : throw new InvalidDataException("Stored log entries are cut.");

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, int count)
    {
        if (count > bytes.Length)
        {
            throw new InvalidDataException("Stored log entries are cut.");
        }

        ReadOnlySpan<byte> taken = bytes[..count];
        bytes = bytes[count..];
        return taken;
    }
}
