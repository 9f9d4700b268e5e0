using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Decoding;

/// <summary>The KV cache of some layers.</summary>
internal sealed class KvMemory : IDisposable
{
    private readonly List<(CacheTensor Tensor, PageMemory Memory)> _caches = [];
    private readonly DecoderRunnerOptions _options;

    public KvMemory(DecoderConfiguration configuration, DecoderRunnerOptions options, LayerRange layers)
    {
        _options = options;
        foreach (CacheTensor tensor in KvCacheLayout.Of(configuration, layers))
        {
            _caches.Add((tensor, new PageMemory(options.BlockCount * tensor.BlockBytes(options.KvFormat))));
        }
    }

    public void Bind(OnnxBinding binding)
    {
        foreach ((CacheTensor tensor, PageMemory memory) in _caches)
        {
            long[] shape = [_options.BlockCount, DecoderMemory.BlockTokens, tensor.Heads, _options.KvFormat.TokenElements(tensor.Width)];
            binding.BindInput(OrtApi.Utf8(tensor.Name), _options.KvFormat.Element(), shape, memory.Address, memory.ByteLength);
        }
    }

    /// <summary>Copies a block in all layers.</summary>
    public void CopyBlock(int source, int target)
    {
        foreach ((_, PageMemory memory) in _caches)
        {
            memory.CopyWithin(source, target, memory.ByteLength / _options.BlockCount);
        }
    }

    public void Dispose() => _caches.ForEach(cache => cache.Memory.Dispose());
}
