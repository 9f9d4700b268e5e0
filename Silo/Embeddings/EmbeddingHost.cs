using System.Collections.Immutable;
using GlmCluster.Checkpoints;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Silo.Loading;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Silo.Embeddings;

/// <summary>The embedding models of this process.</summary>
/// <remarks>One caller at a time. Fabric and directory stay the caller's and are disposed after this.</remarks>
public sealed class EmbeddingHost(IEmbeddingFabric fabric, IModelDirectory directory, string workerName, TimeProvider time, ILogger logger)
    : IAsyncDisposable
{
    private ImmutableArray<EmbeddingWorker> _workers = [];

    /// <summary>In the order they were loaded.</summary>
    public IEnumerable<LoadedEncoder> Models => _workers.Select(worker => worker.Model);

    /// <summary>Loads a model and offers it.</summary>
    /// <exception cref="CheckpointException">The folder is broken or not supported.</exception>
    /// <exception cref="ImpossibleSettingException">It does not fit, or another model has its name.</exception>
    public async Task LoadAsync(ModelLoadOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (Models.Any(model => model.Card.Model.Name == options.Name))
        {
            throw new ImpossibleSettingException($"A model called '{options.Name}' runs here already. Give this one another name.");
        }

        LoadedEncoder model = await Task.Run(() => new EncoderLoader(options, time, progress).LoadAsync(cancellationToken), cancellationToken);
        try
        {
            _workers = _workers.Add(await EmbeddingWorker.StartAsync(fabric, directory, model, workerName, time, logger, cancellationToken));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (EmbeddingWorker worker in _workers)
        {
            await worker.DisposeAsync();
            worker.Model.Dispose();
        }

        _workers = [];
    }
}
