using System.Diagnostics;
using System.IO.Hashing;
using GlmCluster.Checkpoints;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Onnx;
using Microsoft.Win32.SafeHandles;

namespace GlmCluster.Engine.WeightCache;

/// <summary>A file of quantised weights, checked whole when opened; matrices are mapped from it.</summary>
internal sealed class WeightCacheReader : QuantizedStore
{
    private const string Stage = "Checking weights";
    private const int ChunkBytes = 4 << 20;

    private readonly SafeFileHandle _file;
    private readonly Dictionary<string, WeightCacheMatrix> _matrices;
    private long _readTicks;
    private long _hashTicks;

    private WeightCacheReader(SafeFileHandle file, WeightCacheIndex index)
    {
        _file = file;
        _matrices = index.Matrices.ToDictionary(matrix => matrix.Name, StringComparer.Ordinal);
    }

    /// <summary>Time spent in reading the file.</summary>
    public TimeSpan ReadTime { get; private set; }

    /// <summary>Time spent in checking what was read.</summary>
    public TimeSpan VerifyTime { get; private set; }

    /// <summary>Opens a file and checks every byte.</summary>
    /// <exception cref="WeightCacheException">It is of other weights, of another version, or damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static WeightCacheReader Open(string path, WeightCacheKey key, int threads, IProgress<LoadProgress>? progress)
    {
        // Deleting is allowed, so that another process can put a newer file in its place.
        SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            var index = WeightCacheIndex.Read(file);
            if (index.ContentHash != key.ContentHash || index.Format != key.Format.Name())
            {
                throw new WeightCacheException("was made from other weights");
            }

            var reader = new WeightCacheReader(file, index);
            reader.Verify([.. index.Sections().OrderByDescending(section => section.Length)], threads, progress);
            return reader;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override QuantizedPages? Find(string name, long valueBytes, long scaleBytes) =>
        _matrices.TryGetValue(name, out WeightCacheMatrix? matrix) && matrix.Values.Length == valueBytes && matrix.Scales.Length == scaleBytes
            ? new QuantizedPages(Map(matrix.Values), Map(matrix.Scales))
            : null;

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    private PageMemory Map(WeightCacheSection section) => PageMemory.Map(_file, section.Offset, section.Length);

    /// <summary>Reads through a small buffer and not through a mapping, so that the file does not count as this process's memory twice.</summary>
    private void Verify(IReadOnlyList<WeightCacheSection> sections, int threads, IProgress<LoadProgress>? progress)
    {
        long start = Stopwatch.GetTimestamp();
        long total = sections.Sum(section => section.Length);
        long done = 0;
        var reporting = new Lock(); // guards done, and keeps reports in order
        try
        {
            Parallel.ForEach(sections, new ParallelOptions { MaxDegreeOfParallelism = threads }, section =>
            {
                Check(section);
                lock (reporting)
                {
                    done += section.Length;
                    progress?.Report(new LoadProgress(Stage, done, total));
                }
            });
        }
        catch (AggregateException e) when (e.InnerExceptions[0] is WeightCacheException or IOException)
        {
            throw e.InnerExceptions[0];
        }

        TimeSpan whole = Stopwatch.GetElapsedTime(start);
        VerifyTime = whole * ((double)_hashTicks / Math.Max(1, _readTicks + _hashTicks));
        ReadTime = whole - VerifyTime;
    }

    private void Check(WeightCacheSection section)
    {
        byte[] buffer = new byte[Math.Min(ChunkBytes, section.Length)];
        var hash = new XxHash128();
        for (long offset = 0; offset < section.Length;)
        {
            long start = Stopwatch.GetTimestamp();
            int read = RandomAccess.Read(_file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, section.Length - offset)), section.Offset + offset);
            long middle = Stopwatch.GetTimestamp();
            hash.Append(buffer.AsSpan(0, read));
            Interlocked.Add(ref _readTicks, middle - start);
            Interlocked.Add(ref _hashTicks, Stopwatch.GetTimestamp() - middle);
            offset += read > 0 ? read : throw new WeightCacheException("is too short");
        }

        if (Convert.ToHexStringLower(hash.GetCurrentHash()) != section.Hash)
        {
            throw new WeightCacheException($"is damaged: the {section.Length:N0} bytes at {section.Offset:N0} do not have their checksum");
        }
    }
}
