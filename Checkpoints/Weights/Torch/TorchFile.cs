using System.Collections.Immutable;

namespace GlmCluster.Checkpoints.Weights.Torch;

/// <summary>A <c>pytorch_model.bin</c>, mapped: tensors are views into it and cost no memory of their own. Checked whole when opened.</summary>
/// <remarks>Format: torch/serialization.py of PyTorch 1.6 and later: a ZIP archive with a pickle and one stored entry per storage.</remarks>
internal sealed unsafe class TorchFile : IWeightSource
{
    private const string PickleName = "data.pkl";
    private const int LongestPickle = 16 << 20;

    /// <summary>How files of PyTorch before 1.6 begin: a pickle of protocol 2 with a magic number.</summary>
    private static readonly byte[] LegacyStart = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

    private readonly MappedFile _mapping;
    private readonly string _path;
    private readonly Dictionary<string, PickleTensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ZipEntry> _storages = new(StringComparer.Ordinal);

    private TorchFile(string path, MappedFile mapping)
    {
        (_path, _mapping) = (path, mapping);
        ReadOnlySpan<byte> pickle = ReadDirectory();
        if (PickleMachine.Run(pickle, path) is not PickleDictionary dictionary)
        {
            throw new CheckpointException($"{path} holds no dictionary of tensors.");
        }

        foreach ((string name, object? value) in dictionary.Entries)
        {
            if (value is PickleTensor tensor)
            {
                Check(name, tensor);
                _tensors.Add(name, tensor);
            }
        }
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <exception cref="CheckpointException">The file is missing, damaged, or more than a dictionary of tensors.</exception>
    public static TorchFile Open(string path)
    {
        MappedFile mapping = MappedFile.Open(path, minimumBytes: LegacyStart.Length);
        try
        {
            return new TorchFile(path, mapping);
        }
        catch
        {
            mapping.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="CheckpointException">The tensor has a type that this program does not use, or does not lie in one piece.</exception>
    public TensorView? Find(string name)
    {
        byte* start = _mapping.Address; // also reports use after disposal
        if (!_tensors.TryGetValue(name, out PickleTensor? tensor))
        {
            return null;
        }

        if (tensor.Storage.Type.Element is not TensorType type)
        {
            throw Refuse(name, $"has a {tensor.Storage.Type.Text}; supported: {string.Join(", ", Enum.GetNames<TensorType>())}");
        }

        if (!IsContiguous(tensor))
        {
            throw Refuse(name, $"has strides [{string.Join(", ", tensor.Strides)}], so it does not lie in one piece");
        }

        long offset = _storages[tensor.Storage.Key].Offset + (tensor.FirstElement * type.ElementBytes());
        return new TensorView(name, type, [.. tensor.Shape], (nint)(start + offset), Elements(tensor) * type.ElementBytes()) { IsFileMapped = true };
    }

    public void Dispose() => _mapping.Dispose();

    private ReadOnlySpan<byte> ReadDirectory()
    {
        if (new ReadOnlySpan<byte>(_mapping.Address, LegacyStart.Length).SequenceEqual(LegacyStart))
        {
            throw new CheckpointException(
                $"{_path} was written by PyTorch before 1.6, in a format that is not supported; load and save it again with a newer PyTorch.");
        }

        if (!ZipDirectory.IsArchive(_mapping.Address, _mapping.ByteLength))
        {
            throw new CheckpointException($"{_path} is no PyTorch file: it does not begin as one. Fetch it again.");
        }

        IReadOnlyList<ZipEntry> entries = ZipDirectory.Read(_mapping.Address, _mapping.ByteLength, _path);
        ZipEntry[] pickles = [.. entries.Where(entry => entry.Name.EndsWith("/" + PickleName, StringComparison.Ordinal))];
        if (pickles is not [{ ByteLength: <= LongestPickle } pickle])
        {
            throw new CheckpointException(
                $"{_path} must have one {PickleName} of at most {LongestPickle >> 20} MiB; it has {pickles.Length} such entries.");
        }

        string folder = pickle.Name[..^PickleName.Length];
        foreach (ZipEntry entry in entries)
        {
            if (entry.Name == folder + "byteorder" && !Bytes(entry).SequenceEqual("little"u8))
            {
                throw new CheckpointException($"{_path} was written on a big-endian machine; supported: little-endian files.");
            }

            if (entry.Name.StartsWith(folder + "data/", StringComparison.Ordinal))
            {
                _storages[entry.Name[(folder.Length + "data/".Length)..]] = entry;
            }
        }

        return Bytes(pickle);
    }

    /// <summary>A tensor must lie inside its storage, and the storage inside its entry.</summary>
    private void Check(string name, PickleTensor tensor)
    {
        if (!_storages.TryGetValue(tensor.Storage.Key, out ZipEntry entry))
        {
            throw Refuse(name, $"lies in storage \"{tensor.Storage.Key}\", which the file does not have");
        }

        if (tensor.Shape.Length != tensor.Strides.Length)
        {
            throw Refuse(name, $"has {tensor.Shape.Length} dimensions and {tensor.Strides.Length} strides");
        }

        // The size of other types is not known here; nobody can read them anyway.
        long stored = tensor.Storage.Type.Element is TensorType type ? entry.ByteLength / type.ElementBytes() : long.MaxValue;
        if (tensor.Storage.Elements > stored)
        {
            throw Refuse(name, $"lies in a storage that states {tensor.Storage.Elements:N0} elements and has {stored:N0}");
        }

        long elements = Elements(tensor);
        if (elements < 0 || elements > tensor.Storage.Elements || tensor.FirstElement > tensor.Storage.Elements - elements)
        {
            throw Refuse(name, $"of shape [{string.Join(", ", tensor.Shape)}] reaches beyond its storage of {tensor.Storage.Elements:N0} elements");
        }
    }

    /// <returns>-1: more than fit a number.</returns>
    private static long Elements(PickleTensor tensor)
    {
        if (tensor.Shape.Contains(0))
        {
            return 0;
        }

        long elements = 1;
        foreach (long dimension in tensor.Shape)
        {
            if (elements > long.MaxValue / dimension)
            {
                return -1;
            }

            elements *= dimension;
        }

        return elements;
    }

    private static bool IsContiguous(PickleTensor tensor)
    {
        long expected = 1;
        for (int i = tensor.Shape.Length - 1; i >= 0; i--)
        {
            if (tensor.Shape[i] > 1 && tensor.Strides[i] != expected)
            {
                return false;
            }

            expected *= tensor.Shape[i];
        }

        return true;
    }

    private ReadOnlySpan<byte> Bytes(ZipEntry entry) => new(_mapping.Address + entry.Offset, (int)Math.Min(entry.ByteLength, int.MaxValue));

    private CheckpointException Refuse(string name, string fault) => new($"{_path}: tensor \"{name}\" {fault}.");
}
