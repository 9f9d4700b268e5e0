using GlmCluster.Engine.Loop;
using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.Silo.Workers;

/// <summary>Tells the fabric that a worker lives, while its loop turns or is idle. A loop that hangs goes silent, which is how others find out.</summary>
/// <remarks>
/// A step that computes is life: a large prompt takes a small machine many seconds. It hangs once the engine's watchdog says so. A process that is
/// gone or stopped is found by its silence at once, whatever its loop did.
/// </remarks>
internal sealed class WorkerHeart(IWorkerSession session, GenerationEngine engine, TimeProvider time)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private long _beats;

    public async Task BeatAsync(CancellationToken stopping)
    {
        try
        {
            using var timer = new PeriodicTimer(Period, time);
            do
            {
                EngineSnapshot snapshot = engine.Snapshot;
                if (engine.StuckFor == TimeSpan.Zero)
                {
                    var beat = new WorkerBeat(++_beats, snapshot.Running + snapshot.Waiting, snapshot.FreeBlocks, engine.PrefixDigest);
                    await session.BeatAsync(beat, stopping);
                }
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
    }
}
