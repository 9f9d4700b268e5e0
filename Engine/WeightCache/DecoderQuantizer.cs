using System.Diagnostics;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Engine.Graph;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.WeightCache;

/// <summary>Makes a decoder's file of quantised weights without loading the decoder.</summary>
public static class DecoderQuantizer
{
    /// <summary>Whether a file holds these weights, undamaged.</summary>
    public static bool IsUsable(string path, WeightCacheKey key, int threads, IProgress<LoadProgress>? progress)
    {
        try
        {
            WeightCacheReader.Open(path, key, threads, progress).Dispose();
            return true;
        }
        catch (Exception e) when (e is WeightCacheException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Quantises all matrices. On any failure, and when cancelled, what was at the path stays.</summary>
    /// <param name="library">Graphs are made with it.</param>
    /// <param name="configuration">Of the decoder.</param>
    /// <param name="weights">Of the decoder.</param>
    /// <param name="path">File to make or replace.</param>
    /// <param name="key">What the file is made of.</param>
    /// <param name="threads">Most threads.</param>
    /// <param name="progress">Told how it goes; null: nobody.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>How long it took.</returns>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public static TimeSpan Quantize(
        OnnxRuntimeLibrary library,
        DecoderConfiguration configuration,
        DecoderWeights weights,
        string path,
        WeightCacheKey key,
        int threads,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(key);
        long start = Stopwatch.GetTimestamp();
        using var writer = WeightCacheWriter.Create(path, key);
        using var builder = new GraphBuilder(library);
        var loader = new WeightLoader(threads, weights.All.Sum(tensor => tensor.ByteLength), progress)
        {
            Store = writer,
            Cancellation = cancellationToken,
        };
        var experts = new PackedFormat(loader, key.Format);
        new DecoderGraph(builder, configuration, new KeptLinear(loader, key.Format), experts, loader).Add(
            weights, new LayerRange(0, weights.Layers.Length), positions: 1, blocks: 1, KvFormat.F32);
        writer.Complete();
        return writer.Fault is null ? Stopwatch.GetElapsedTime(start) : throw new IOException($"{path} cannot be written: {writer.Fault}");
    }
}
