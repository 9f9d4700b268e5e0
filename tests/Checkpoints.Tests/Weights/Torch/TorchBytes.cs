using System.IO.Compression;

namespace GlmCluster.Checkpoints.Tests.Weights.Torch;

/// <summary>Writes files in the form of <c>torch.save</c>.</summary>
internal static class TorchBytes
{
    public static byte[] Archive(byte[] pickle, params ReadOnlySpan<(string Key, byte[] Bytes)> storages) =>
        Archive(CompressionLevel.NoCompression, pickle, storages);

    public static byte[] Archive(CompressionLevel level, byte[] pickle, params ReadOnlySpan<(string Key, byte[] Bytes)> storages)
    {
        var bytes = new MemoryStream();
        using (var archive = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add(archive, "pytorch_model/data.pkl", pickle, level);
            Add(archive, "pytorch_model/byteorder", "little"u8, level);
            foreach ((string key, byte[] content) in storages)
            {
                Add(archive, $"pytorch_model/data/{key}", content, level);
            }

            Add(archive, "pytorch_model/version", "3\n"u8, level);
        }

        return bytes.ToArray();
    }

    /// <summary>One tensor "a" in storage "0".</summary>
    public static byte[] One(string storageClass, byte[] storage, long storageElements, long first, long[] shape, long[] strides) => Archive(
        PickleWriter.StateDictionary(items => items.Text("a").Tensor(storageClass, "0", storageElements, first, shape, strides)), ("0", storage));

    private static void Add(ZipArchive archive, string name, ReadOnlySpan<byte> content, CompressionLevel level)
    {
        using Stream entry = archive.CreateEntry(name, level).Open();
        entry.Write(content);
    }
}
