using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Grains.Embeddings;

/// <summary>The embedders of this process. Thread-safe.</summary>
internal sealed class LocalEmbedders
{
    private readonly Lock _lock = new(); // guards _members
    private readonly List<(ModelReference Model, IEmbedder Embedder)> _members = [];

    public void Add(ModelReference model, IEmbedder embedder)
    {
        lock (_lock)
        {
            _members.Add((model, embedder));
        }
    }

    public void Remove(ModelReference model, IEmbedder embedder)
    {
        lock (_lock)
        {
            _members.Remove((model, embedder));
        }
    }

    /// <summary>The first that has a model; null: none has.</summary>
    public IEmbedder? Find(ModelReference model)
    {
        lock (_lock)
        {
            return _members.Find(member => member.Model == model).Embedder;
        }
    }
}
