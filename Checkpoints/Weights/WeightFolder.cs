using GlmCluster.Checkpoints.Weights.Torch;

namespace GlmCluster.Checkpoints.Weights;

/// <summary>The weights of a Hugging Face folder: one file, or an index with the shards it names; safetensors before PyTorch's own format.</summary>
public sealed class WeightFolder : IWeightSource
{
    /// <summary>As in the reference loader: safetensors win, and a single file wins over an index.</summary>
    private static readonly WeightFormatFiles[] Formats =
    [
        new("model.safetensors", "model.safetensors.index.json", ".safetensors", SafetensorsFile.Open),
        new("pytorch_model.bin", "pytorch_model.bin.index.json", ".bin", TorchFile.Open),
    ];

    private readonly IReadOnlyCollection<IWeightSource> _files;
    private readonly Dictionary<string, IWeightSource> _fileOfTensor;

    private WeightFolder(IReadOnlyCollection<IWeightSource> files, Dictionary<string, IWeightSource> fileOfTensor)
    {
        _files = files;
        _fileOfTensor = fileOfTensor;
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Names => _fileOfTensor.Keys;

    /// <summary>Opens and checks all files of a folder.</summary>
    /// <exception cref="CheckpointException">There are no such files, or one of them breaks the format.</exception>
    public static WeightFolder Open(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        (WeightFormatFiles format, bool isSingle) = FindFormat(folder);
        if (!isSingle)
        {
            return OpenShards(folder, format);
        }

        IWeightSource file = format.Open(Path.Combine(folder, format.SingleName));
        return new WeightFolder([file], file.Names.ToDictionary(name => name, _ => file, StringComparer.Ordinal));
    }

    /// <summary>Names of the files that <see cref="Open"/> reads.</summary>
    /// <exception cref="CheckpointException">There are no such files.</exception>
    public static IReadOnlyCollection<string> FileNames(string folder)
    {
        (WeightFormatFiles format, bool isSingle) = FindFormat(folder);
        return isSingle ? [format.SingleName] : [format.IndexName, .. ReadIndex(folder, format).ShardNames];
    }

    /// <inheritdoc/>
    /// <exception cref="CheckpointException">The tensor has a type that this program does not use.</exception>
    public TensorView? Find(string name) => _fileOfTensor.TryGetValue(name, out IWeightSource? file) ? file.Find(name) : null;

    public void Dispose()
    {
        foreach (IWeightSource file in _files)
        {
            file.Dispose();
        }
    }

    private static (WeightFormatFiles Format, bool IsSingle) FindFormat(string folder)
    {
        foreach (WeightFormatFiles format in Formats)
        {
            bool isSingle = File.Exists(Path.Combine(folder, format.SingleName));
            if (isSingle || File.Exists(Path.Combine(folder, format.IndexName)))
            {
                return (format, isSingle);
            }
        }

        throw NoWeights(folder);
    }

    private static WeightIndex ReadIndex(string folder, WeightFormatFiles format) =>
        WeightIndex.Read(Path.Combine(folder, format.IndexName), format.Extension);

    private static WeightFolder OpenShards(string folder, WeightFormatFiles format)
    {
        WeightIndex index = ReadIndex(folder, format);
        var shards = new Dictionary<string, IWeightSource>(StringComparer.Ordinal);
        try
        {
            foreach (string shardName in index.ShardNames)
            {
                shards.Add(shardName, format.Open(Path.Combine(folder, shardName)));
            }

            var shardTensors = shards.ToDictionary(s => s.Key, s => s.Value.Names.ToHashSet(StringComparer.Ordinal), StringComparer.Ordinal);
            foreach ((string tensor, string shardName) in index.ShardOfTensor)
            {
                if (!shardTensors[shardName].Contains(tensor))
                {
                    throw new CheckpointException(
                        $"{Path.Combine(folder, format.IndexName)} says that {shardName} holds \"{tensor}\", but it does not. Fetch both again.");
                }
            }

            return new WeightFolder(
                [.. shards.Values], index.ShardOfTensor.ToDictionary(t => t.Key, t => shards[t.Value], StringComparer.Ordinal));
        }
        catch
        {
            foreach (IWeightSource shard in shards.Values)
            {
                shard.Dispose();
            }

            throw;
        }
    }

    private static CheckpointException NoWeights(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return new CheckpointException($"There is no folder {folder}.");
        }

        string[] others =
        [
            .. Directory.EnumerateFiles(folder).Select(Path.GetFileName).OfType<string>().Where(IsOtherFormat).Order(StringComparer.Ordinal),
        ];
        string found = others.Length switch
        {
            0 => "no weights",
            1 => others[0],
            _ => $"{others[0]} and {others.Length - 1} more",
        };
        IEnumerable<string> supported = Formats.Select(format => $"{format.SingleName}, {format.IndexName} with its shards");
        return new CheckpointException(
            $"{folder} has {found}; supported: {string.Join(" or ", supported)}. Fetch the model's safetensors release.");
    }

    private static bool IsOtherFormat(string fileName) =>
        Path.GetExtension(fileName) is ".bin" or ".pt" or ".pth" or ".gguf" or ".onnx" or ".h5" or ".msgpack" or ".safetensors";
}

/// <summary>How a format's files are called and opened.</summary>
internal sealed record WeightFormatFiles(string SingleName, string IndexName, string Extension, Func<string, IWeightSource> Open);
