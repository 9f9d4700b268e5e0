using System.IO.Hashing;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Onnx;
using Microsoft.Win32.SafeHandles;

namespace GlmCluster.Engine.WeightCache;

/// <summary>
/// Writes quantised weights to a file under a temporary name and gives it its own when all are in: nobody ever sees half a file. When writing
/// fails it stops, and the weights stay in memory.
/// </summary>
internal sealed class WeightCacheWriter : QuantizedStore
{
    private const string TemporaryEnd = ".tmp";

    private readonly string _path;
    private readonly string _temporaryPath;
    private readonly WeightCacheIndex _index;
    private SafeFileHandle? _file;
    private long _end = WeightCacheIndex.PageBytes;

    private WeightCacheWriter(string path, WeightCacheKey key)
    {
        _path = path;
        _index = new WeightCacheIndex(key.ContentHash, key.Format.Name(), []);
        _temporaryPath = $"{path}.{Path.GetRandomFileName()}{TemporaryEnd}";
        string folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder);
        DeleteLeftovers(folder, Path.GetFileName(path));
        _file = File.OpenHandle(_temporaryPath, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
    }

    /// <summary>Why there will be no file; null while there will.</summary>
    public string? Fault { get; private set; }

    /// <summary>Starts a file.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static WeightCacheWriter Create(string path, WeightCacheKey key) => new(path, key);

    /// <summary>Writes a matrix; what comes back is mapped from the file, so that it costs no memory until it is used.</summary>
    public override QuantizedPages Keep(string name, QuantizedPages pages)
    {
        if (_file is null)
        {
            return pages;
        }

        try
        {
            WeightCacheSection values = Write(_file, pages.Values);
            WeightCacheSection scales = Write(_file, pages.Scales);
            _index.Matrices.Add(new WeightCacheMatrix(name, values, scales));
            var mapped = new QuantizedPages(
                PageMemory.Map(_file, values.Offset, values.Length), PageMemory.Map(_file, scales.Offset, scales.Length));
            pages.Values.Dispose();
            pages.Scales.Dispose();
            return mapped;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            GiveUp(e);
            return pages;
        }
    }

    public override void Complete()
    {
        if (_file is null)
        {
            return;
        }

        try
        {
            _index.Write(_file, _end);
            RandomAccess.FlushToDisk(_file);
            _file.Dispose();
            _file = null;
            File.Move(_temporaryPath, _path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            GiveUp(e);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            DeleteTemporary();
        }

        base.Dispose(disposing);
    }

    private unsafe WeightCacheSection Write(SafeFileHandle file, PageMemory pages)
    {
        const int ChunkBytes = 1 << 26;
        var hash = new XxHash128();
        for (long offset = 0; offset < pages.ByteLength; offset += ChunkBytes)
        {
            var chunk = new ReadOnlySpan<byte>((byte*)pages.Address + offset, (int)Math.Min(ChunkBytes, pages.ByteLength - offset));
            hash.Append(chunk);
            RandomAccess.Write(file, chunk, _end + offset);
        }

        var section = new WeightCacheSection(_end, pages.ByteLength, Convert.ToHexStringLower(hash.GetCurrentHash()));
        _end += (pages.ByteLength + WeightCacheIndex.PageBytes - 1) / WeightCacheIndex.PageBytes * WeightCacheIndex.PageBytes;
        return section;
    }

    private void GiveUp(Exception error)
    {
        Fault = error.Message;
        DeleteTemporary();
    }

    private void DeleteTemporary()
    {
        _file?.Dispose();
        _file = null;
        TryDelete(_temporaryPath);
    }

    /// <summary>Removes what killed processes left; a file that is being written is locked.</summary>
    private static void DeleteLeftovers(string folder, string fileName)
    {
        foreach (string leftover in Directory.EnumerateFiles(folder, $"{fileName}.*{TemporaryEnd}"))
        {
            try
            {
                File.OpenHandle(leftover, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
                File.Delete(leftover);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another process writes it, or it is not ours to delete: in neither case is it in the way.
            }
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next writer of this file removes it.
        }
    }
}
