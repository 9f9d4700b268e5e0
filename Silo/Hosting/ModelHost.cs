using System.Collections.Immutable;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Silo.Loading;
using GlmCluster.Silo.Workers;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Silo.Hosting;

/// <summary>The models of this process: each has weights, KV cache, engine and worker of its own. They come and go while others work. Thread-safe.</summary>
/// <remarks>Fabric and directory stay the caller's and are disposed after this.</remarks>
public sealed class ModelHost(IWorkerFabric fabric, IModelDirectory directory, string workerName, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private readonly SemaphoreSlim _loading = new(1); // held while memory is planned and taken
    private readonly Lock _lock = new(); // guards _models
    private readonly List<HostedModel> _models = [];

    /// <summary>In the order they were loaded.</summary>
    public ImmutableArray<HostedModel> Models
    {
        get
        {
            lock (_lock)
            {
                return [.. _models];
            }
        }
    }

    /// <summary>Loads models that share the memory, one after the other.</summary>
    /// <exception cref="CheckpointException">A folder is broken or not supported.</exception>
    /// <exception cref="ImpossibleSettingException">They do not fit, or two have one name.</exception>
    public async Task LoadAsync(IReadOnlyList<ModelLoadOptions> models, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(models);
        await _loading.WaitAsync(cancellationToken);
        try
        {
            MemoryClaim[] others = [.. Models.Select(model => model.Memory)];
            (ModelLoadOptions, DecoderConfiguration)[] measured =
                [.. models.Select(options => (options with { Others = [.. others] }, DecoderConfigurationReader.Read(options.Folder)))];
            MachineMemory memory = MachineMemory.Read();
            foreach (ModelLoadOptions options in MemoryPlan.Share(measured, memory.Bytes, memory.IsLimit))
            {
                CheckName(options.Name);
                LoadedModel model = await Task.Run(() => new ModelLoader(options, time, progress).LoadFolderAsync(cancellationToken), cancellationToken);
                await OfferAsync(model, options.MaxQueued, isOurs: true, cancellationToken);
            }
        }
        finally
        {
            _loading.Release();
        }
    }

    /// <summary>Offers a model that is ready and stays the caller's.</summary>
    public Task AddAsync(LoadedModel model, int maxQueued, CancellationToken cancellationToken) =>
        OfferAsync(model, maxQueued, isOurs: false, cancellationToken);

    /// <summary>Takes nothing new and hands over what runs; returns once nothing is left here.</summary>
    /// <param name="cancellationToken">Ends the handing over; disposal then gives away what is left.</param>
    public Task DrainAsync(CancellationToken cancellationToken) => Task.WhenAll(Models.Select(model => model.DrainAsync(cancellationToken)));

    /// <summary>Gives all work away and all memory back.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (HostedModel model in Models)
        {
            Remove(model);
            await model.StopAsync();
        }

        _loading.Dispose();
    }

    private async Task OfferAsync(LoadedModel model, int maxQueued, bool isOurs, CancellationToken cancellationToken)
    {
        try
        {
            WorkerSupervisor supervisor = await WorkerSupervisor.StartAsync(
                fabric, directory, model, workerName, maxQueued, time, logger, cancellationToken);
            lock (_lock)
            {
                _models.Add(new HostedModel(model, supervisor, isOurs));
            }
        }
        catch when (isOurs)
        {
            model.Dispose();
            throw;
        }
    }

    private void CheckName(string name)
    {
        if (Models.Any(model => model.Name == name))
        {
            throw new ImpossibleSettingException($"A model called '{name}' runs here already. Unload it first, or give this one another name.");
        }
    }

    private void Remove(HostedModel model)
    {
        lock (_lock)
        {
            _models.Remove(model);
        }
    }
}
