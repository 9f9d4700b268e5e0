using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Hashing;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.WeightCache;

namespace GlmCluster.Silo.Loading;

/// <summary>Makes a model's quantised weights ahead of time.</summary>
/// <param name="folder">Hugging Face GLM folder.</param>
/// <param name="libraryPath">ONNX Runtime library; null: searched.</param>
/// <param name="threads">Most threads.</param>
/// <param name="hashFolder">Folder for content hashes.</param>
public sealed class ModelQuantizer(string folder, string? libraryPath, int threads, string hashFolder)
{
    /// <summary>Makes the file where a server finds it, unless it is there already.</summary>
    /// <param name="format">Not f32.</param>
    /// <param name="cacheFolder">The server's cache folder; null: beside the model.</param>
    /// <param name="progress">Told how it goes; null: nobody.</param>
    /// <param name="cancellationToken">Ends the work and leaves nothing behind.</param>
    /// <exception cref="CheckpointException">The folder is broken or not supported.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public async Task<QuantizedFile> QuantizeAsync(
        WeightFormat format, string? cacheFolder, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        using var checkpoint = Checkpoint.Open(folder);
        string hash = await ContentHash.ComputeAsync(folder, new ContentHashCache(hashFolder), progress, cancellationToken);
        var key = new WeightCacheKey(hash, format);
        string path = cacheFolder is null
            ? WeightCachePlan.PathBeside(folder, format)
            : WeightCachePlan.For(folder, cacheFolder, hash, format).WritePath;
        TimeSpan? time = DecoderQuantizer.IsUsable(path, key, threads, progress)
            ? null
            : DecoderQuantizer.Quantize(
                OnnxRuntimeLibrary.Load(libraryPath), checkpoint.Configuration, checkpoint.ReadDecoder(), path, key, threads, progress, cancellationToken);
        return new QuantizedFile(path, new FileInfo(path).Length, time);
    }
}

/// <summary>A file of quantised weights.</summary>
/// <param name="Path">Where it lies.</param>
/// <param name="ByteLength">Its length.</param>
/// <param name="Time">How long making it took; null: it was there.</param>
public sealed record QuantizedFile(string Path, long ByteLength, TimeSpan? Time);
