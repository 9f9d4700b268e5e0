using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Sqlite;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.InProcess;

/// <summary>Stores decided ends, each in one transaction, and then lets readers see them.</summary>
internal sealed class EndCommitter(SqliteStore store, Dispatcher dispatcher, TimeProvider time, ILogger logger)
{
    /// <exception cref="StoreException">Nothing was stored; the generation is where it was.</exception>
    public async Task CommitAsync(PlannedEnd planned)
    {
        ActiveGeneration generation = planned.Generation;
        try
        {
            await store.EndAsync(
                generation.Request, generation.Log.ToEntries(generation.Id), planned.End, planned.KeptTokens, time.GetUtcNow());
        }
        catch
        {
            dispatcher.Revert(planned);
            throw;
        }

        dispatcher.Complete(planned);
    }

    /// <summary>Stores ends that nobody waits for; what fails is logged and tried again by the next expiry.</summary>
    public async Task CommitAllAsync(IReadOnlyList<PlannedEnd> planned)
    {
        foreach (PlannedEnd end in planned)
        {
            try
            {
                await CommitAsync(end);
            }
            catch (Exception failure) when (failure is StoreException or ObjectDisposedException)
            {
                logger.EndFailed(failure, end.Generation.Id);
            }
        }
    }

    /// <summary>Tells a repeated end from a wrong one, where the generation does not run on the worker.</summary>
    public async Task<LogWriteResult> FindRepeatedAsync(WorkerSession worker, EndOfGeneration end)
    {
        if (await store.FindAsync(end.Generation) is not { End: { } stored })
        {
            logger.EndRefused(worker.Incarnation, end.Generation, "the generation is not this worker's");
            return LogWriteResult.Refused;
        }

        if (stored != end.End)
        {
            logger.RepeatedEndDiffers(worker.Incarnation, end.Generation);
        }

        return LogWriteResult.Repeated;
    }
}
