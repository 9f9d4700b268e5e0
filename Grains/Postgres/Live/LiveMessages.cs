using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Json;

namespace GlmCluster.Grains.Postgres.Live;

/// <summary>Kinds of messages from a silo to a gateway.</summary>
internal enum LiveMessageKind : byte
{
    /// <summary>Log entries as <see cref="LogCodec"/> writes them.</summary>
    Entries = 1,

    /// <summary>A generation's id, and its end as JSON.</summary>
    Ended = 2,

    /// <summary>A generation's id: it is not here any more; the store knows where it is.</summary>
    Gone = 3,

    /// <summary>An embedding request's id, and its outcome as <see cref="EmbeddingCodec"/> writes it.</summary>
    Embedded = 4,
}

/// <summary>Kinds of requests from a gateway to a silo.</summary>
internal enum LiveRequestKind : byte
{
    /// <summary>Send what follows the tokens that the gateway has.</summary>
    Follow = 1,

    /// <summary>Send nothing more of a generation.</summary>
    Leave = 2,

    /// <summary>Embed the texts in the body that follows; its length stands where others have tokens.</summary>
    Embed = 3,

    /// <summary>Give an embedding request up.</summary>
    CancelEmbed = 4,
}

/// <summary>
/// The live path over two byte streams. Gateway to silo: kind, id (12 bytes), tokens that the gateway has (8 bytes, little
/// endian), and the body of a request that has one. Silo to gateway: length (4 bytes, little endian), kind, body. What the silo sends is written already; what is lost is read from the log.
/// </summary>
internal static class LiveMessages
{
    public const int RequestBytes = 1 + LogCodec.IdBytes + sizeof(long);

    /// <summary>Longer messages are a broken stream.</summary>
    public const int MaxMessageBytes = 64 << 20;

    public static byte[] Request(LiveRequestKind kind, GenerationId id, long tokens)
    {
        var writer = new ArrayBufferWriter<byte>(RequestBytes);
        writer.Write([(byte)kind]);
        LogCodec.WriteId(writer, id);
        BinaryPrimitives.WriteInt64LittleEndian(writer.GetSpan(sizeof(long)), tokens);
        writer.Advance(sizeof(long));
        return writer.WrittenSpan.ToArray();
    }

    public static (LiveRequestKind Kind, GenerationId Id, long Tokens) ReadRequest(ReadOnlySpan<byte> bytes) =>
        ((LiveRequestKind)bytes[0], LogCodec.ReadId(bytes[1..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[(1 + LogCodec.IdBytes)..]));

    public static void WriteEntries(ArrayBufferWriter<byte> output, IEnumerable<LogEntry> entries) =>
        Write(output, LiveMessageKind.Entries, LogCodec.Encode(entries));

    public static void WriteEnd(ArrayBufferWriter<byte> output, GenerationId id, GenerationEnd end) => Write(
        output,
        LiveMessageKind.Ended,
        [.. Convert.FromHexString(id.ToString()), .. JsonSerializer.SerializeToUtf8Bytes(end, ContractsJsonContext.Default.GenerationEnd)]);

    public static void WriteGone(ArrayBufferWriter<byte> output, GenerationId id) =>
        Write(output, LiveMessageKind.Gone, Convert.FromHexString(id.ToString()));

    public static void WriteEmbedded(ArrayBufferWriter<byte> output, GenerationId id, ReadOnlySpan<byte> outcome) =>
        Write(output, LiveMessageKind.Embedded, [.. Convert.FromHexString(id.ToString()), .. outcome]);

    public static GenerationEnd ReadEnd(ReadOnlySpan<byte> body) =>
        JsonSerializer.Deserialize(body[LogCodec.IdBytes..], ContractsJsonContext.Default.GenerationEnd)
            ?? throw new InvalidDataException("A live message has no end.");

    private static void Write(ArrayBufferWriter<byte> output, LiveMessageKind kind, ReadOnlySpan<byte> body)
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(sizeof(int)), body.Length + 1);
        output.Advance(sizeof(int));
        output.Write([(byte)kind]);
        output.Write(body);
    }
}
