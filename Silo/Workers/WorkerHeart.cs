using GlmCluster.Engine.Loop;
using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.Silo.Workers;

/// <summary>Tells the fabric that a worker lives, while its loop turns or is idle. A loop that hangs goes silent, which is how others find out.</summary>
internal sealed class WorkerHeart(IWorkerSession session, GenerationEngine engine, TimeProvider time)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private long _beats;

    public async Task BeatAsync(CancellationToken stopping)
    {
        try
        {
            using var timer = new PeriodicTimer(Period, time);
            long seenTurns = -1;
            do
            {
                EngineSnapshot snapshot = engine.Snapshot;
                if (snapshot.Turns != seenTurns || snapshot.Idle)
                {
                    seenTurns = snapshot.Turns;
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
