using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Embeddings;
using GlmCluster.Grains.Postgres.Live;

namespace GlmCluster.Grains.Postgres;

/// <summary>Gives embedding requests to the silos of their model: the one with the fewest of this gateway's first, and the next where it fails. Thread-safe.</summary>
internal sealed class EmbeddingRouter(LiveLinks links)
{
    private volatile IReadOnlyDictionary<ModelReference, Uri[]> _silos = new Dictionary<ModelReference, Uri[]>();

    /// <summary>Which silos have which models; as it was when the directory was last read.</summary>
    public void Offer(IEnumerable<(ModelReference Model, Uri Url)> workers) => _silos = workers
        .GroupBy(worker => worker.Model, worker => worker.Url)
        .ToDictionary(group => group.Key, group => group.Distinct().ToArray());

    public async ValueTask<EmbeddingOutcome> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken)
    {
        byte[] body = EmbeddingCodec.Encode(request);
        EmbeddingOutcome last = EmbeddingFaults.NoWorker(request.Model);
        HashSet<Uri> tried = [];
        while (_silos.GetValueOrDefault(request.Model)?.Where(url => !tried.Contains(url)).MinBy(url => links.To(url).PendingEmbeddings) is { } silo)
        {
            tried.Add(silo);
            try
            {
                last = await links.To(silo).EmbedAsync(body, cancellationToken);
                if (last is not EmbeddingRefused { Fault.Code: GenerationFaultCode.Overloaded or GenerationFaultCode.Unavailable or GenerationFaultCode.WorkerLost })
                {
                    return last;
                }
            }
            catch (IOException)
            {
                last = EmbeddingFaults.Lost(request.Model);
            }
        }

        return last;
    }
}
