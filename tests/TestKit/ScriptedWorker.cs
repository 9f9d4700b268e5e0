using System.Collections.Immutable;
using System.Threading.Channels;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.TestKit;

/// <summary>A worker without a model: it answers every generation with ids that a test gives, one id per generation and step.</summary>
/// <remarks>Steps run by themselves, or, while paused, one by one through <see cref="StepAsync"/>. Thread-safe.</remarks>
public sealed class ScriptedWorker : IAsyncDisposable
{
    private readonly Func<RunGeneration, int, IEnumerable<int>> _answer;
    private readonly SemaphoreSlim _turn = new(1); // held by whoever touches the fields below, across awaits
    private readonly Dictionary<GenerationId, ScriptedSequence> _running = [];
    private readonly List<GenerationId> _heldReleases = [];
    private long _lastFrame;
    private bool _paused;
    private bool _holdReleases;

    private readonly Channel<WorkerCommand> _received = Channel.CreateUnbounded<WorkerCommand>();
    private readonly SemaphoreSlim _work = new(0);
    private readonly CancellationTokenSource _stopped = new();
    private Task _loops = Task.CompletedTask;

    private ScriptedWorker(IWorkerSession session, Func<RunGeneration, int, IEnumerable<int>> answer, bool paused)
    {
        Session = session;
        _answer = answer;
        _paused = paused;
    }

    /// <summary>For tests that write to the log themselves.</summary>
    public IWorkerSession Session { get; }

    /// <summary>The commands received, each one after it took effect.</summary>
    public ChannelReader<WorkerCommand> Received => _received.Reader;

    /// <summary>Publishes the model, joins, and starts to work.</summary>
    /// <param name="fabric">What to join.</param>
    /// <param name="directory">Where the model is published.</param>
    /// <param name="card">The model.</param>
    /// <param name="textAssets">The blob that the card's hash names.</param>
    /// <param name="answer">The whole answer, from its first id also where a log is resumed. An exception fails the generation.</param>
    /// <param name="paused">Whether steps wait for <see cref="StepAsync"/> or <see cref="ResumeAsync"/>.</param>
    /// <param name="maxSequences">As <see cref="WorkerCard.MaxSequences"/>.</param>
    /// <param name="maxQueued">As <see cref="WorkerCard.MaxQueued"/>.</param>
    public static Task<ScriptedWorker> JoinAsync(
        IWorkerFabric fabric,
        IModelDirectory directory,
        ModelCard card,
        ReadOnlyMemory<byte> textAssets,
        Func<RunGeneration, IEnumerable<int>> answer,
        bool paused = false,
        int maxSequences = 64,
        int maxQueued = 64) =>
        JoinAsync(fabric, directory, card, textAssets, (run, _) => answer(run), paused, maxSequences, maxQueued);

    /// <summary>The same with an answer for each choice.</summary>
    public static async Task<ScriptedWorker> JoinAsync(
        IWorkerFabric fabric,
        IModelDirectory directory,
        ModelCard card,
        ReadOnlyMemory<byte> textAssets,
        Func<RunGeneration, int, IEnumerable<int>> answer,
        bool paused = false,
        int maxSequences = 64,
        int maxQueued = 64)
    {
        await directory.PublishAsync(card, textAssets, CancellationToken.None);
        var workerCard = new WorkerCard("scripted", card.Model, maxSequences, maxQueued, card.NumericsClass);
        IWorkerSession session = await fabric.JoinAsync(workerCard, CancellationToken.None);
        var worker = new ScriptedWorker(session, answer, paused);
        worker._loops = Task.WhenAll(worker.ReceiveAsync(worker._stopped.Token), worker.RunAsync(worker._stopped.Token));
        return worker;
    }

    /// <summary>Stops stepping; returns once no step is in progress.</summary>
    public Task PauseAsync() => ExclusiveAsync(() => _paused = true);

    /// <summary>Steps by itself again.</summary>
    public Task ResumeAsync() => ExclusiveAsync(() =>
    {
        _paused = false;
        _work.Release();
    });

    /// <summary>Runs steps, paused or not; returns once their frames are written.</summary>
    public async Task StepAsync(int steps = 1)
    {
        await _turn.WaitAsync(_stopped.Token);
        try
        {
            for (int i = 0; i < steps; i++)
            {
                await StepOnceAsync();
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Ends a running generation now, for a reason of the test's choice.</summary>
    public async Task EndAsync(GenerationId generation, EndReason reason)
    {
        await _turn.WaitAsync(_stopped.Token);
        try
        {
            await EndAsync(_running[generation].End(reason, []));
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>From now on parked generations leave the batch but are not released.</summary>
    public Task HoldReleasesAsync() => ExclusiveAsync(() => _holdReleases = true);

    /// <summary>Releases what <see cref="HoldReleasesAsync"/> held back.</summary>
    public async Task ReleaseHeldAsync()
    {
        List<GenerationId> held = [];
        await ExclusiveAsync(() =>
        {
            held.AddRange(_heldReleases);
            _heldReleases.Clear();
            _holdReleases = false;
        });
        foreach (GenerationId id in held)
        {
            await Session.ReleaseAsync(id, CancellationToken.None);
        }
    }

    /// <summary>Waits for the next command of one kind, passing over others.</summary>
    public async Task<TCommand> NextAsync<TCommand>()
        where TCommand : WorkerCommand
    {
        await foreach (WorkerCommand command in _received.Reader.ReadAllAsync())
        {
            if (command is TCommand wanted)
            {
                return wanted;
            }
        }

        throw new InvalidOperationException($"The worker stopped before a {typeof(TCommand).Name} came.");
    }

    /// <summary>Dies: nothing is written any more, and the fabric is not told.</summary>
    public async Task KillAsync()
    {
        await _stopped.CancelAsync();
        await _loops;
    }

    /// <summary>Leaves the fabric.</summary>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        await Session.DisposeAsync();
        _stopped.Dispose();
        _turn.Dispose();
        _work.Dispose();
    }

    private async Task ReceiveAsync(CancellationToken stopped)
    {
        try
        {
            await foreach (WorkerCommand command in Session.CommandsAsync(stopped))
            {
                await _turn.WaitAsync(stopped);
                try
                {
                    await ApplyAsync(command);
                }
                finally
                {
                    _turn.Release();
                }

                _received.Writer.TryWrite(command);
                _work.Release();
            }
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
            // The test stopped the worker.
        }
        finally
        {
            _received.Writer.Complete();
        }
    }

    private async Task ApplyAsync(WorkerCommand command)
    {
        switch (command)
        {
            case RunGeneration run:
                _running.Add(run.Request.Id, new ScriptedSequence(run, choice => _answer(run, choice)));
                break;
            case ParkGeneration park:
                _running.Remove(park.Generation);
                await ReleaseAsync(park.Generation);
                break;
            case CancelGeneration cancel when _running.TryGetValue(cancel.Generation, out ScriptedSequence? sequence):
                await EndAsync(sequence.End(EndReason.Cancelled, []));
                break;
        }
    }

    private async Task ReleaseAsync(GenerationId generation)
    {
        if (_holdReleases)
        {
            _heldReleases.Add(generation);
            return;
        }

        await Session.ReleaseAsync(generation, CancellationToken.None);
    }

    private async Task RunAsync(CancellationToken stopped)
    {
        try
        {
            while (true)
            {
                await _turn.WaitAsync(stopped);
                bool idle;
                try
                {
                    idle = _paused || _running.Count == 0;
                    if (!idle)
                    {
                        await StepOnceAsync();
                    }
                }
                finally
                {
                    _turn.Release();
                }

                if (idle)
                {
                    await _work.WaitAsync(stopped);
                }
            }
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
            // The test stopped the worker.
        }
    }

    private async Task StepOnceAsync()
    {
        var entries = ImmutableArray.CreateBuilder<LogEntry>();
        foreach (ScriptedSequence sequence in _running.Values.ToArray())
        {
            (ImmutableArray<LogEntry> added, EndOfGeneration? end) = sequence.Step();
            entries.AddRange(added);
            if (end is not null)
            {
                await EndAsync(end);
            }
        }

        if (entries.Count > 0)
        {
            await Session.AppendAsync(new LogFrame(Session.Incarnation, ++_lastFrame, entries.ToImmutable()), CancellationToken.None);
        }
    }

    private async Task EndAsync(EndOfGeneration end)
    {
        _running.Remove(end.Generation);
        await Session.EndAsync(end with { Incarnation = Session.Incarnation }, CancellationToken.None);
    }

    private async Task ExclusiveAsync(Action change)
    {
        await _turn.WaitAsync(_stopped.Token);
        try
        {
            change();
        }
        finally
        {
            _turn.Release();
        }
    }
}
