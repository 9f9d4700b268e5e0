using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text.Json;
using System.Text.Json.Serialization;
using GlmCluster.Engine.Onnx;
using Microsoft.Win32.SafeHandles;

namespace GlmCluster.Engine.WeightCache;

/// <summary>A stretch of the file.</summary>
/// <param name="Offset">First byte; a multiple of a page.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Hash">XXH128 of the bytes, hex.</param>
internal sealed record WeightCacheSection(long Offset, long Length, string Hash);

/// <summary>A matrix: its numbers and its scales, as the format's matrix type has them in memory.</summary>
/// <param name="Name">Names of the tensors it was made from.</param>
internal sealed record WeightCacheMatrix(string Name, WeightCacheSection Values, WeightCacheSection Scales);

/// <summary>What a file of quantised weights holds.</summary>
/// <remarks>
/// File: one page with the magic bytes, the version (4 bytes, little-endian), the index's length (4 bytes), its offset (8 bytes) and its XXH128
/// (16 bytes); then the sections, each at a page of its own; then the index as JSON. The first page is written last.
/// </remarks>
internal sealed record WeightCacheIndex(string ContentHash, string Format, List<WeightCacheMatrix> Matrices)
{
    /// <summary>Raised whenever the layout or the way of quantising changes.</summary>
    public const int Version = 1;

    public const int PageBytes = PageMemory.AlignmentBytes;

    private const int HeaderBytes = 40;
    private const int MaximumIndexBytes = 64 << 20;
    private const int VersionAt = 8;
    private const int LengthAt = 12;
    private const int OffsetAt = 16;
    private const int HashAt = 24;

    private static ReadOnlySpan<byte> Magic => "GLMWGHTS"u8;

    /// <summary>Writes the index behind the sections, then the first page.</summary>
    public void Write(SafeFileHandle file, long offset)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(this, WeightCacheJsonContext.Default.WeightCacheIndex);
        byte[] header = new byte[HeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(VersionAt), Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(LengthAt), json.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(OffsetAt), offset);
        XxHash128.Hash(json, header.AsSpan(HashAt));
        RandomAccess.Write(file, json, offset);
        RandomAccess.Write(file, header, 0);
    }

    /// <summary>Reads and checks the index, and that the file is as long as it says.</summary>
    /// <exception cref="WeightCacheException">The file is of another version, or damaged.</exception>
    public static WeightCacheIndex Read(SafeFileHandle file)
    {
        byte[] header = ReadExactly(file, 0, HeaderBytes);
        if (!header.AsSpan().StartsWith(Magic))
        {
            throw new WeightCacheException("is no file of quantised weights");
        }

        int version = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(VersionAt));
        if (version != Version)
        {
            throw new WeightCacheException($"has version {version}, this program makes version {Version}");
        }

        int length = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(LengthAt));
        long offset = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(OffsetAt));
        byte[] json = length is > 0 and <= MaximumIndexBytes && offset >= PageBytes ? ReadExactly(file, offset, length) : [];
        if (!XxHash128.Hash(json).AsSpan().SequenceEqual(header.AsSpan(HashAt)))
        {
            throw new WeightCacheException("is damaged: its index does not have its checksum");
        }

        return Parse(json, offset);
    }

    private static WeightCacheIndex Parse(byte[] json, long end)
    {
        try
        {
            WeightCacheIndex index = JsonSerializer.Deserialize(json, WeightCacheJsonContext.Default.WeightCacheIndex)
                ?? throw new WeightCacheException("has no index");
            return index.Sections().All(section => IsInside(section, end)) ? index : throw new WeightCacheException("has an index that it does not fit");
        }
        catch (JsonException e)
        {
            throw new WeightCacheException($"has a broken index: {e.Message}");
        }
    }

    public IEnumerable<WeightCacheSection> Sections() => Matrices.SelectMany(matrix => new[] { matrix.Values, matrix.Scales });

    private static bool IsInside(WeightCacheSection section, long end) =>
        section.Offset >= PageBytes && section.Offset % PageBytes == 0 && section.Length >= 0 && section.Length <= end - section.Offset;

    private static byte[] ReadExactly(SafeFileHandle file, long offset, int length)
    {
        byte[] bytes = new byte[length];
        return RandomAccess.Read(file, bytes, offset) == length ? bytes : throw new WeightCacheException("is too short");
    }
}

/// <summary>JSON form of the index.</summary>
[JsonSourceGenerationOptions(RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(WeightCacheIndex))]
internal sealed partial class WeightCacheJsonContext : JsonSerializerContext;

/// <summary>A file of quantised weights that cannot be used.</summary>
/// <param name="fault">Completes a sentence that starts with the file's path.</param>
internal sealed class WeightCacheException(string fault) : Exception(fault);
