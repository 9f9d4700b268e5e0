using System.Diagnostics.CodeAnalysis;
using GlmCluster.Engine.Loop;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Silo.Loading;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Silo.Workers;

/// <summary>Offers one loaded model and keeps a worker for it: after an engine fault or a seal the next incarnation starts on the same weights.</summary>
/// <remarks>The fabric, the directory and the model stay the caller's and are disposed after this.</remarks>
public sealed class WorkerSupervisor : IAsyncDisposable
{
    private static readonly TimeSpan RestartDelay = TimeSpan.FromSeconds(1);

    private readonly IWorkerFabric _fabric;
    private readonly LoadedModel _model;
    private readonly WorkerCard _card;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private ModelWorker _worker;
    private Task _keeping = Task.CompletedTask;

    private WorkerSupervisor(IWorkerFabric fabric, LoadedModel model, WorkerCard card, ModelWorker first, TimeProvider time, ILogger logger)
    {
        _fabric = fabric;
        _model = model;
        _card = card;
        _worker = first;
        _time = time;
        _logger = logger;
    }

    /// <summary>What the engine holds now.</summary>
    public EngineSnapshot Engine => Volatile.Read(ref _worker).Engine;

    /// <summary>Publishes the model and starts its first worker; on return the model can generate.</summary>
    public static async Task<WorkerSupervisor> StartAsync(
        IWorkerFabric fabric,
        IModelDirectory directory,
        LoadedModel model,
        string workerName,
        int maxQueued,
        TimeProvider time,
        ILogger logger,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(model);
        await directory.PublishAsync(model.Card, model.Assets.ToBytes(), cancellationToken);
        var card = new WorkerCard(
            workerName,
            model.Card.Model,
            model.EngineLimits.MaxSequences,
            maxQueued,
            model.Card.NumericsClass,
            model.EngineLimits.PrefixSeed,
            model.EngineLimits.CacheScope == CacheScope.Caller);
        ModelWorker first = await StartWorkerAsync(fabric, model, card, time, logger, cancellationToken);
        var supervisor = new WorkerSupervisor(fabric, model, card, first, time, logger);
        supervisor._keeping = supervisor.KeepAsync(supervisor._stopping.Token);
        return supervisor;
    }

    /// <summary>Takes nothing new and hands over what runs; returns once nothing is left here. No other worker is started.</summary>
    /// <param name="cancellationToken">Ends the handing over; disposal then gives away what is left.</param>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _worker.DrainAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _worker.DisposeAsync();
        await _keeping;
        await _worker.DisposeAsync(); // the one that was starting meanwhile, if any; twice does no harm
        _stopping.Dispose();
    }

    [SuppressMessage("Design", "CA1031", Justification = "The worker has logged its fault; whatever it was, the next incarnation is the remedy.")]
    private async Task KeepAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await _worker.Completion;
            }
            catch (Exception)
            {
            }

            try
            {
                await _worker.DisposeAsync();
                await Task.Delay(RestartDelay, _time, stopping);
                Volatile.Write(ref _worker, await StartWorkerAsync(_fabric, _model, _card, _time, _logger, stopping));
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                _logger.WorkerNotStarted(_card.Name, failure.Message); // the store is away; the next try comes after the delay
            }
        }
    }

    private static Task<ModelWorker> StartWorkerAsync(
        IWorkerFabric fabric, LoadedModel model, WorkerCard card, TimeProvider time, ILogger logger, CancellationToken cancellationToken) =>
        ModelWorker.StartAsync(
            fabric, card, model.Runner, new ModelWorkerOptions(model.EngineLimits, model.Text), time, logger, cancellationToken);
}
