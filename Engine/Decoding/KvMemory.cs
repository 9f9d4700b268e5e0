using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Engine.Graph;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Decoding;

/// <summary>The KV cache of some layers.</summary>
internal sealed class KvMemory : IDisposable
{
    private readonly List<(byte[] Name, PageMemory Memory)> _caches = [];
    private readonly TensorElement _element;
    private readonly long[] _shape;

    public KvMemory(DecoderConfiguration configuration, DecoderRunnerOptions options, LayerRange layers)
    {
        _element = options.KvFormat.Element();
        _shape = [options.BlockCount, AttentionShape.PageTokens, configuration.KvHeads, options.KvFormat.TokenElements(configuration.HeadDim)];
        long byteLength = options.BlockCount * DecoderMemory.LayerBlockBytes(configuration, options.KvFormat);
        for (int layer = layers.First; layer < layers.End; layer++)
        {
            _caches.Add((OrtApi.Utf8(DecoderGraph.KeyCache(layer)), new PageMemory(byteLength)));
            _caches.Add((OrtApi.Utf8(DecoderGraph.ValueCache(layer)), new PageMemory(byteLength)));
        }
    }

    public void Bind(OnnxBinding binding) =>
        _caches.ForEach(cache => binding.BindInput(cache.Name, _element, _shape, cache.Memory.Address, cache.Memory.ByteLength));

    /// <summary>Copies a block in all layers.</summary>
    public void CopyBlock(int source, int target)
    {
        foreach ((_, PageMemory memory) in _caches)
        {
            memory.CopyWithin(source, target, memory.ByteLength / _shape[0]);
        }
    }

    public void Dispose() => _caches.ForEach(cache => cache.Memory.Dispose());
}
