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
    private readonly CancellationTokenSource _stopping = new();

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

    /// <summary>Finds a model by name; null: there is none.</summary>
    public HostedModel? Find(string name) => Models.FirstOrDefault(model => model.Name == name);

    /// <summary>Loads one more model into what the others leave. They are not disturbed, also where it fails.</summary>
    /// <exception cref="CheckpointException">The folder is broken or not supported.</exception>
    /// <exception cref="ImpossibleSettingException">It does not fit, or its name is taken.</exception>
    public async Task<HostedModel> LoadAsync(ModelLoadOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        await LoadAsync([options], progress, cancellationToken);
        return Find(options.Name) ?? throw new ImpossibleSettingException($"The model '{options.Name}' was unloaded again.");
    }

    /// <summary>
    /// Takes a model out: it is offered no more, what it runs ends or moves to another worker of it, and its memory goes back. What has not ended
    /// when the time is over waits for another worker as long as the resume window allows.
    /// </summary>
    /// <param name="name">As clients ask for it.</param>
    /// <param name="patience">Most time that running generations have.</param>
    /// <param name="cancellationToken">Ends the wait for them, not the unloading.</param>
    /// <exception cref="ImpossibleSettingException">There is no such model, or it is being unloaded already.</exception>
    public async Task<HostedModel> UnloadAsync(string name, TimeSpan patience, CancellationToken cancellationToken)
    {
        HostedModel model = TakeOut(name);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        over.CancelAfter(patience);
        await model.DrainAsync(over.Token);
        await model.StopAsync();
        Remove(model);
        return model;
    }

    /// <summary>Loads models that share the memory, one after the other.</summary>
    /// <exception cref="CheckpointException">A folder is broken or not supported.</exception>
    /// <exception cref="ImpossibleSettingException">They do not fit, or two have one name.</exception>
    public async Task LoadAsync(IReadOnlyList<ModelLoadOptions> models, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(models);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        await _loading.WaitAsync(ending.Token);
        try
        {
            MemoryClaim[] others = [.. Models.Select(model => model.Memory)];
            (ModelLoadOptions, DecoderConfiguration)[] measured =
                [.. models.Select(options => (options with { Others = [.. options.Others, .. others] }, DecoderConfigurationReader.Read(options.Folder)))];
            MachineMemory memory = MachineMemory.Read();
            foreach (ModelLoadOptions options in MemoryPlan.Share(measured, memory.Bytes, memory.IsLimit))
            {
                CheckName(options.Name);
                LoadedModel model = await Task.Run(() => new ModelLoader(options, time, progress).LoadFolderAsync(ending.Token), ending.Token);
                await OfferAsync(model, options.MaxQueued, isOurs: true, ending.Token);
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
        await _stopping.CancelAsync();
        await _loading.WaitAsync();
        foreach (HostedModel model in Models)
        {
            await model.StopAsync();
            Remove(model);
        }

        _loading.Dispose();
        _stopping.Dispose();
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

    private HostedModel TakeOut(string name)
    {
        lock (_lock)
        {
            HostedModel model = _models.Find(model => model.Name == name)
                ?? throw new ImpossibleSettingException(
                    $"No model '{name}' runs here. {(_models.Count == 0 ? "None does." : $"Those are: {string.Join(", ", _models.Select(model => model.Name))}.")}");
            return !model.IsLeaving ? model.Leave() : throw new ImpossibleSettingException($"The model '{name}' is being unloaded already.");
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
