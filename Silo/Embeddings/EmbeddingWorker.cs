using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using GlmCluster.Engine.Embeddings;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Silo.Embeddings;

/// <summary>Offers one embedding model and answers for it; taken for dead, it joins again.</summary>
/// <remarks>Fabric, directory and model stay the caller's and are disposed after this.</remarks>
public sealed class EmbeddingWorker : IEmbedder, IAsyncDisposable
{
    private static readonly TimeSpan BeatPeriod = TimeSpan.FromSeconds(1);

    /// <summary>A step that takes longer hangs.</summary>
    private static readonly TimeSpan LongestStep = TimeSpan.FromMinutes(5);

    private readonly IEmbeddingFabric _fabric;
    private readonly WorkerCard _card;
    private readonly EmbeddingEngine _engine;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private IEmbeddingSession? _session;
    private Task _keeping = Task.CompletedTask;
    private long _beats;

    private EmbeddingWorker(IEmbeddingFabric fabric, WorkerCard card, LoadedEncoder model, TimeProvider time, ILogger logger)
    {
        (_fabric, _card, _time, _logger) = (fabric, card, time, logger);
        _engine = new EmbeddingEngine(model.Runner, model.Recipe, model.EngineLimits);
        Model = model;
    }

    public LoadedEncoder Model { get; }

    /// <summary>Publishes the model and joins; on return it can be asked.</summary>
    public static async Task<EmbeddingWorker> StartAsync(
        IEmbeddingFabric fabric,
        IModelDirectory directory,
        LoadedEncoder model,
        string workerName,
        TimeProvider time,
        ILogger logger,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(fabric);
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(model);
        await directory.PublishAsync(model.Card, model.Assets.ToBytes(), cancellationToken);
        var card = new WorkerCard(workerName, model.Card.Model, MaxSequences: 1, model.EngineLimits.MaxQueuedRequests, NumericsClass: null);
        var worker = new EmbeddingWorker(fabric, card, model, time, logger);
        try
        {
            worker._session = await fabric.JoinAsync(card, worker, cancellationToken);
            worker._keeping = worker.KeepAsync(worker._stopping.Token);
            return worker;
        }
        catch
        {
            await worker.DisposeAsync();
            throw;
        }
    }

    public async ValueTask<EmbeddingOutcome> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (_engine.TryEmbed(request.Caller, request.Texts, cancellationToken, out Task<ImmutableArray<ReadOnlyMemory<float>>>? vectors, out TimeSpan wait))
        {
            return new Embedded(await vectors);
        }

        string message = string.Create(
            CultureInfo.InvariantCulture,
            $"{_engine.WaitingTexts:N0} texts wait for the model '{_card.Model.Name}', which is as many as it takes. Try again later.");
        return new EmbeddingRefused(new GenerationFault(GenerationFaultCode.Overloaded, message, wait));
    }

    /// <summary>Leaves; what is queued is cancelled.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _keeping;
        if (_session is not null)
        {
            await _session.DisposeAsync();
        }

        _engine.Dispose();
        _stopping.Dispose();
    }

    [SuppressMessage("Design", "CA1031", Justification = "The store is away or the session is sealed; the next second tries again.")]
    private async Task KeepAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(BeatPeriod, _time);
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                if (_session!.Ended.IsCompleted)
                {
                    await _session.DisposeAsync();
                    _session = await _fabric.JoinAsync(_card, this, stopping);
                }

                if (_engine.StepTime < LongestStep)
                {
                    await _session.BeatAsync(new WorkerBeat(++_beats, _engine.WaitingTexts, FreeBlocks: 0, []), stopping);
                }
            }
            catch (Exception failure)
            {
                if (!stopping.IsCancellationRequested)
                {
                    _logger.WorkerNotStarted(_card.Name, failure.Message);
                }
            }

            await timer.WaitForNextTickAsync(stopping).AsTask().ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }
}
