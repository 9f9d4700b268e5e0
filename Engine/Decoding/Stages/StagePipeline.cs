using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Decoding.Stages;

/// <summary>Runs one stage on a half-batch.</summary>
/// <param name="stage">Index of the stage.</param>
/// <param name="half">0 or 1.</param>
/// <param name="batch">The half's tokens.</param>
/// <param name="firstLogitRow">Index of its first row among the step's logit rows.</param>
internal delegate void StageStep(int stage, int half, StepBatch batch, int firstLogitRow);

/// <summary>Runs steps through several stages: the first on the caller's thread, each other one on its own, two half-batches under way at once.</summary>
/// <remarks>One caller at a time. Steps allocate nothing.</remarks>
internal sealed class StagePipeline : IDisposable
{
    private readonly StageStep _run;
    private readonly HalfBatches _halves;
    private readonly SemaphoreSlim[] _ready; // counts the halves that each stage has finished and the next one, or the caller, has not taken
    private readonly Thread[] _threads;
    private Exception? _fault; // the first of the step
    private volatile bool _stopping;

    public StagePipeline(int stages, HalfBatches halves, StageStep run)
    {
        _run = run;
        _halves = halves;
        _ready = [.. Enumerable.Range(0, stages).Select(_ => new SemaphoreSlim(0))];
        _threads = [.. Enumerable.Range(1, stages - 1).Select(stage =>
            new Thread(() => Serve(stage)) { Name = $"glm-stage-{stage}", IsBackground = true })];
        Array.ForEach(_threads, thread => thread.Start());
    }

    /// <summary>Runs one step. On return no stage is running, also after a fault.</summary>
    public void Run(StepBatch batch)
    {
        _halves.Split(batch);
        _fault = null;
        int count = _halves.Count;
        for (int half = 0; half < count; half++)
        {
            RunStage(0, half);
            _ready[0].Release();
        }

        for (int half = 0; half < count; half++)
        {
            _ready[^1].Wait();
        }

        if (_fault is { } fault)
        {
            ExceptionDispatchInfo.Throw(fault);
        }
    }

    public void Dispose()
    {
        _stopping = true;
        Array.ForEach(_ready, signal => signal.Release());
        Array.ForEach(_threads, thread => thread.Join());
        Array.ForEach(_ready, signal => signal.Dispose());
    }

    /// <summary>A stage's own thread: takes halves in their order.</summary>
    private void Serve(int stage)
    {
        int half = 0;
        while (true)
        {
            _ready[stage - 1].Wait();
            if (_stopping)
            {
                return;
            }

            RunStage(stage, half);

            // Before the release: with it the caller may go on and split the next step.
            half = half + 1 == _halves.Count ? 0 : half + 1;
            _ready[stage].Release();
        }
    }

    /// <summary>Runs one half, or passes it on where the step has failed already.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The caller of the step throws it.")]
    private void RunStage(int stage, int half)
    {
        if (Volatile.Read(ref _fault) is not null)
        {
            return;
        }

        try
        {
            _run(stage, half, _halves[half], _halves.FirstLogitRow(half));
        }
        catch (Exception fault)
        {
            Interlocked.CompareExchange(ref _fault, fault, null);
        }
    }
}
