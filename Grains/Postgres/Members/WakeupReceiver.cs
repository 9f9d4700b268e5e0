using System.Diagnostics.CodeAnalysis;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Postgres.Moves;
using GlmCluster.Grains.Postgres.Readers;
using GlmCluster.Grains.Postgres.Workers;
using GlmCluster.Grains.Stores;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.Postgres.Members;

/// <summary>Acts on the wake-ups that come to this process. Nothing here waits; thread-safe.</summary>
internal sealed class WakeupReceiver(WorkerMembership workers, ReaderTable readers, Func<Task> refreshDirectory, ILogger logger)
{
    public static IReadOnlyList<string> Channels { get; } = [Wakeups.Work, Wakeups.Moved, Wakeups.Members];

    public void Receive(string channel, string payload)
    {
        switch (channel)
        {
            case Wakeups.Work when Guid.TryParse(payload, out Guid incarnation):
                Fetch(workers.Sessions().Where(session => session.Incarnation.Value == incarnation));
                break;
            case Wakeups.Moved when GenerationId.TryParse(payload, out GenerationId generation):
                readers.Wake(generation);
                break;
            case Wakeups.Members:
                _ = ObserveAsync(refreshDirectory());
                break;
        }
    }

    /// <summary>Wake-ups may have been lost.</summary>
    public void ReceiveAll()
    {
        Fetch(workers.Sessions());
        readers.Wake(null);
    }

    private void Fetch(IEnumerable<PostgresWorkerSession> sessions)
    {
        foreach (PostgresWorkerSession session in sessions)
        {
            _ = ObserveAsync(session.FetchAsync());
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Nobody waits for this work; the next look does it again.")]
    private async Task ObserveAsync(Task work)
    {
        try
        {
            await work;
        }
        catch (Exception failure) when (failure is StoreException or ObjectDisposedException)
        {
            logger.LookFailed(failure.Message);
        }
        catch (Exception bug)
        {
            logger.WakeupFailed(bug);
        }
    }
}
