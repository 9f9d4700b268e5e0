using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Stores;
using Npgsql;

namespace GlmCluster.Grains.Postgres.Moves;

/// <summary>
/// Admissions of one model wait for each other in the whole cluster, until their commit is on the disk. So what comes while one is under way is admitted
/// together next, with one wait. Thread-safe.
/// </summary>
internal sealed class AdmissionQueue(PostgresStore store, AdmissionMove move)
{
    private const int MostTogether = 64;

    private readonly Lock _lock = new(); // guards _waiting and the lists in it
    private readonly Dictionary<ModelReference, List<Waiting>> _waiting = []; // models that have a transaction under way

    /// <exception cref="StoreException">The database refused, or stayed away.</exception>
    public Task<Admission> AdmitAsync(GenerationRequest request)
    {
        var waiting = new Waiting(request, new TaskCompletionSource<Admission>(TaskCreationOptions.RunContinuationsAsynchronously));
        bool isFirst;
        lock (_lock)
        {
            isFirst = !_waiting.TryGetValue(request.Model, out List<Waiting>? line);
            line ??= _waiting[request.Model] = [];
            line.Add(waiting);
        }

        if (isFirst)
        {
            _ = AdmitAllAsync(request.Model);
        }

        return waiting.Outcome.Task;
    }

    private async Task AdmitAllAsync(ModelReference model)
    {
        while (TakeNext(model) is { Length: > 0 } next)
        {
            await AdmitAsync(next);
        }
    }

    private Waiting[] TakeNext(ModelReference model)
    {
        lock (_lock)
        {
            List<Waiting> line = _waiting[model];
            Waiting[] next = [.. line.Take(MostTogether)];
            line.RemoveRange(0, next.Length);
            if (next.Length == 0)
            {
                _waiting.Remove(model);
            }

            return next;
        }
    }

    private async Task AdmitAsync(Waiting[] together)
    {
        try
        {
            GenerationRequest[] requests = [.. together.Select(waiting => waiting.Request)];
            Admission[] outcomes = await store.TransactAsync(
                PostgresStore.ClientPatience, (connection, token) => move.AdmitAllAsync(connection, requests, token));
            for (int i = 0; i < together.Length; i++)
            {
                together[i].Outcome.SetResult(outcomes[i]);
            }
        }
        catch (StoreException refused) when (together.Length > 1 && refused.InnerException is PostgresException)
        {
            // One of them cannot be stored; which one shows alone.
            foreach (Waiting waiting in together)
            {
                await AdmitAsync([waiting]);
            }
        }
        catch (Exception failure)
        {
            Array.ForEach(together, waiting => waiting.Outcome.SetException(failure));
        }
    }

    private sealed record Waiting(GenerationRequest Request, TaskCompletionSource<Admission> Outcome);
}
