using System.Diagnostics.CodeAnalysis;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Stepping;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Silo.Workers;

/// <summary>
/// One incarnation: takes generations from the fabric, runs them in one engine, writes their tokens back.
/// Four flows: commands (fabric → engine), steps (engine's loop thread → outbox → log writer), beats, prepared handovers.
/// </summary>
/// <remarks>Disposing leaves the directory; what was running goes on elsewhere or is parked.</remarks>
public sealed class ModelWorker : IStepListener, IAsyncDisposable
{
    private readonly IWorkerFabric _fabric;
    private readonly IWorkerSession _session;
    private readonly WorkerCard _card;
    private readonly TextModel _text;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly StepOutbox _outbox;
    private readonly LogWriter _writer;
    private readonly HandoverPreparer _preparer;
    private readonly GenerationEngine _engine;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new(); // guards _running
    private readonly Dictionary<GenerationId, RunningGeneration> _running = [];
    private bool _disposed;

    private ModelWorker(
        IWorkerFabric fabric,
        IWorkerSession session,
        WorkerCard card,
        IStepRunner runner,
        ModelWorkerOptions options,
        TimeProvider time,
        ILogger logger)
    {
        _fabric = fabric;
        _session = session;
        _card = card;
        _text = options.Text;
        _time = time;
        _logger = logger;
        _outbox = new StepOutbox(time);
        _writer = new LogWriter(session, time, logger, _stopping.Token);
        _engine = new GenerationEngine(runner, options.Engine, this, logger);
        _preparer = new HandoverPreparer(session, _engine, time, logger);
    }

    /// <summary>Ends when the worker does: normally after disposal or a seal, with the fault when the engine failed.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    /// <summary>What the engine holds now.</summary>
    public EngineSnapshot Engine => _engine.Snapshot;

    /// <summary>Joins the fabric and starts to work.</summary>
    /// <param name="fabric">Where work comes from.</param>
    /// <param name="card">What is offered; its model must be published already.</param>
    /// <param name="runner">The loaded model; stays the caller's.</param>
    /// <param name="options">Limits and text side.</param>
    /// <param name="time">Clock of the beat.</param>
    /// <param name="logger">Where events go.</param>
    /// <param name="cancellationToken">Ends the joining only.</param>
    public static async Task<ModelWorker> StartAsync(
        IWorkerFabric fabric,
        WorkerCard card,
        IStepRunner runner,
        ModelWorkerOptions options,
        TimeProvider time,
        ILogger logger,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(fabric);
        ArgumentNullException.ThrowIfNull(card);
        ArgumentNullException.ThrowIfNull(options);
        IWorkerSession session = await fabric.JoinAsync(card, cancellationToken);
        var worker = new ModelWorker(fabric, session, card, runner, options, time, logger);
        worker._engine.Start();
        worker.Completion = worker.RunAsync();
        return worker;
    }

    public void OnStep(ReadOnlySpan<SequenceUpdate> updates)
    {
        _outbox.Add(updates);
        foreach (ref readonly SequenceUpdate update in updates)
        {
            if (update is { End: SequenceEnd.Failed, Tag: RunningChoice choice })
            {
                // Without one of its choices the generation has no answer.
                TakeOut(choice.Generation.Request.Id, Leaving.Cancel);
            }

            _preparer.Note(update);
        }
    }

    public void OnFault(Exception fault) => _outbox.Complete(fault);

    /// <summary>Takes nothing new and hands over what runs; returns once nothing is left here.</summary>
    /// <param name="cancellationToken">Ends the handing over; disposal then gives away what is left.</param>
    public async Task DrainAsync(CancellationToken cancellationToken) =>
        await Task.WhenAny(_session.DrainAsync(cancellationToken).AsTask(), Completion);

    [SuppressMessage("Design", "CA1031", Justification = "The fault was logged and is on Completion for whoever restarts the worker.")]
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _outbox.Complete(null);
        try
        {
            await Completion;
        }
        catch (Exception)
        {
        }

        _outbox.Dispose();
        _stopping.Dispose();
    }

    /// <summary>Runs the four flows until one ends, then leaves.</summary>
    private async Task RunAsync()
    {
        Task commands = EndWithAsync(TakeCommandsAsync(_stopping.Token));
        Task beats = EndWithAsync(new WorkerHeart(_session, _engine, _time).BeatAsync(_stopping.Token));
        Task handovers = EndWithAsync(_preparer.RunAsync(_stopping.Token));
        try
        {
            await WriteStepsAsync();
        }
        catch (Exception fault)
        {
            // Not a clean leave: what ran here is suspect and runs alone next.
            _logger.EngineFailed(_card.Name, fault);
            await _fabric.TakeOverAsync(_session.Incarnation, CancellationToken.None);
            throw;
        }
        finally
        {
            await _stopping.CancelAsync();
            await Task.WhenAll(commands, beats, handovers);
            _engine.Dispose();
            await _writer.FlushAsync();
            await _session.DisposeAsync();
        }
    }

    /// <summary>A flow that breaks or ends (the incarnation was sealed) ends the worker: one that takes no commands must not stay in the directory.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Whatever it was, it comes out of the outbox and is logged there.")]
    private async Task EndWithAsync(Task flow)
    {
        try
        {
            await flow;
            _outbox.Complete(null);
        }
        catch (Exception fault)
        {
            _outbox.Complete(fault);
        }
    }

    private async Task WriteStepsAsync()
    {
        while (await _outbox.TakeAsync() is { } updates)
        {
            IReadOnlyList<RunningGeneration>? left = await _writer.WriteAsync(updates);
            if (left is null)
            {
                _logger.Sealed(_card.Name);
                return;
            }

            Forget(left);
        }
    }

    private void Forget(IReadOnlyList<RunningGeneration> left)
    {
        lock (_lock)
        {
            foreach (RunningGeneration generation in left)
            {
                // It may be running again already: a reader came back right after its release.
                if (_running.TryGetValue(generation.Request.Id, out RunningGeneration? current) && current == generation)
                {
                    _running.Remove(generation.Request.Id);
                }
            }
        }
    }

    private async Task TakeCommandsAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (WorkerCommand command in _session.CommandsAsync(stopping))
            {
                switch (command)
                {
                    case RunGeneration run:
                        Run(run);
                        break;
                    case ParkGeneration park:
                        TakeOut(park.Generation, Leaving.Park);
                        break;
                    case CancelGeneration cancel:
                        TakeOut(cancel.Generation, Leaving.Cancel);
                        break;
                    case PrepareGeneration prepare:
                        _preparer.Add(prepare);
                        break;
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
    }

    private void Run(RunGeneration command)
    {
        var generation = new RunningGeneration(command);
        GenerationFault fault;
        try
        {
            lock (_lock)
            {
                _running[command.Request.Id] = generation;
                foreach (RunningChoice choice in generation.Choices)
                {
                    choice.SequenceId = _engine.Submit(ToSequence(command, choice));
                }
            }

            return;
        }
        catch (ArgumentException refused)
        {
            _logger.EngineRefused(command.Request.Id.ToString(), refused.Message);
            fault = new GenerationFault(GenerationFaultCode.PromptTooLong, refused.Message);
        }
        catch (InvalidOperationException)
        {
            // The engine has failed; the outbox ends this worker, and its generations go elsewhere.
            return;
        }

        Forget([generation]);
        _writer.Fail(generation, fault);
    }

    private SequenceRequest ToSequence(RunGeneration command, RunningChoice choice)
    {
        GenerationRequest request = command.Request;
        return new SequenceRequest
        {
            PromptIds = request.PromptIds.AsMemory(),
            GeneratedIds = choice.LoggedIds.AsMemory(),
            Sampling = ToParameters(request.Sampling, choice.Index),
            TopLogprobs = request.TopLogprobs,
            StopIds = request.StopIds.AsMemory(),
            MaxTokens = request.MaxTokens,
            Watcher = request.StopStrings.IsDefaultOrEmpty ? null : new StopStringWatcher(_text, request),
            Caller = request.Caller,
            Priority = request.Priority,
            Timeout = request.Timeout,
            Tag = choice,
            Alone = command.Suspect && choice.Index == 0, // the others have the same prompt and wait for it
        };
    }

    private static SamplingParameters ToParameters(SamplingSettings sampling, int choice) =>
        new(sampling.Temperature, sampling.TopP, sampling.TopK, sampling.Seed, choice)
        {
            MinP = sampling.MinP,
            RepetitionPenalty = sampling.RepetitionPenalty,
            PresencePenalty = sampling.PresencePenalty,
            FrequencyPenalty = sampling.FrequencyPenalty,
            LogitBias = sampling.LogitBias.Select(bias => new Engine.Sequences.TokenBias(bias.Id, bias.Bias)).ToArray(),
            MinTokens = sampling.MinTokens,
        };

    private void TakeOut(GenerationId id, Leaving leaving)
    {
        lock (_lock)
        {
            if (_running.TryGetValue(id, out RunningGeneration? generation))
            {
                generation.Leaving = leaving > generation.Leaving ? leaving : generation.Leaving;
                foreach (RunningChoice choice in generation.Choices)
                {
                    _engine.Remove(choice.SequenceId);
                }
            }
        }
    }
}
