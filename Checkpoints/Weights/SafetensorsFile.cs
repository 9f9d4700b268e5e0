using System.Buffers.Binary;

namespace GlmCluster.Checkpoints.Weights;

/// <summary>One safetensors file, mapped: tensors are views into it and cost no memory of their own. Checked whole when opened.</summary>
/// <remarks>
/// Format: 8 bytes header length (little-endian), a JSON header, then the data. Addresses are as aligned as the writer made them:
/// current writers pad the header to 8 bytes, old ones did not.
/// </remarks>
public sealed unsafe class SafetensorsFile : IWeightSource
{
    private const int LengthBytes = sizeof(ulong);

    /// <summary>The reference reader's limit.</summary>
    private const int MaximumHeaderBytes = 100_000_000;

    private readonly string _path;
    private readonly MappedFile _mapping;
    private readonly Dictionary<string, SafetensorsEntry> _entries;
    private readonly byte* _data;

    private SafetensorsFile(string path, MappedFile mapping)
    {
        _path = path;
        _mapping = mapping;
        int headerBytes = HeaderBytes(path, mapping);
        _data = mapping.Address + LengthBytes + headerBytes;
        _entries = SafetensorsHeader.Parse(new ReadOnlySpan<byte>(mapping.Address + LengthBytes, headerBytes), path);
        SafetensorsLayout.Check(_entries, mapping.ByteLength - LengthBytes - headerBytes, path);
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <summary>Maps a file and checks its header.</summary>
    /// <exception cref="CheckpointException">The file is missing, truncated or breaks the format.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        MappedFile mapping = MappedFile.Open(path, LengthBytes);
        try
        {
            return new SafetensorsFile(path, mapping);
        }
        catch
        {
            mapping.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="CheckpointException">The tensor has a type that this program does not use.</exception>
    public TensorView? Find(string name)
    {
        // Also reports use after disposal.
        _ = _mapping.Address;
        if (!_entries.TryGetValue(name, out SafetensorsEntry? entry))
        {
            return null;
        }

        return entry.Type is TensorType type
            ? new TensorView(name, type, entry.Shape, (nint)(_data + entry.Begin), entry.End - entry.Begin) { IsFileMapped = true }
            : throw new CheckpointException(
                $"{_path}: tensor \"{name}\" has type {entry.Dtype}; supported: {string.Join(", ", Enum.GetNames<TensorType>())}.");
    }

    public void Dispose() => _mapping.Dispose();

    private static int HeaderBytes(string path, MappedFile mapping)
    {
        ulong stated = BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(mapping.Address, LengthBytes));
        long rest = mapping.ByteLength - LengthBytes;
        if (stated > MaximumHeaderBytes)
        {
            throw new CheckpointException(
                $"{path} states a header of {stated:N0} bytes; the limit is {MaximumHeaderBytes:N0}. It is damaged or no safetensors file.");
        }

        return (long)stated <= rest
            ? (int)stated
            : throw new CheckpointException($"{path} states a header of {stated:N0} bytes but has only {rest:N0} after the length. Fetch it again.");
    }
}
