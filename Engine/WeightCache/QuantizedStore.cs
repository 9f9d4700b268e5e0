using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.WeightCache;

/// <summary>Numbers and scales of a quantised matrix.</summary>
internal readonly record struct QuantizedPages(PageMemory Values, PageMemory Scales);

/// <summary>Where quantised matrices come from and go to. This one keeps nothing: every matrix is quantised anew.</summary>
internal class QuantizedStore : IDisposable
{
    /// <summary>Finds a matrix.</summary>
    /// <param name="name">Names of the tensors it is made from.</param>
    /// <returns>Null: it must be quantised. What is found is the caller's.</returns>
    public virtual QuantizedPages? Find(string name, long valueBytes, long scaleBytes) => null;

    /// <summary>Takes a matrix that was quantised.</summary>
    /// <returns>The same bytes to go on with; they are the caller's.</returns>
    public virtual QuantizedPages Keep(string name, QuantizedPages pages) => pages;

    /// <summary>All matrices were kept.</summary>
    public virtual void Complete()
    {
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}
