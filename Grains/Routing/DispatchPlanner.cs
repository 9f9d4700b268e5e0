namespace GlmCluster.Grains.Routing;

/// <summary>A generation in the order in which generations begin.</summary>
/// <param name="Generation">Which.</param>
/// <param name="Before">Sequences that its caller has running and waiting before it.</param>
internal readonly record struct QueuedGeneration(PendingGeneration Generation, int Before);

/// <summary>Says which of the generations that wait for one model begin now, and where.</summary>
/// <remarks>
/// Fair between callers: of one priority, the caller that has fewest sequences running and before it comes next, so one that has hundreds waiting does
/// not hold up another that comes with one. Callers that have equally many take turns in the order they came.
/// </remarks>
internal sealed class DispatchPlanner(Router router)
{
    /// <summary>Whether prompts are looked at where several workers can take a generation.</summary>
    public bool UsesPrefixes => router.UsesPrefixes;

    /// <param name="pending">Of each caller at least as many as could begin, none left out before another of the same priority.</param>
    /// <param name="running">Sequences of a caller that workers have.</param>
    public static List<QueuedGeneration> Order(IReadOnlyCollection<PendingGeneration> pending, IReadOnlyDictionary<string, int> running)
    {
        var before = new Dictionary<string, int>(running);
        var turns = new List<QueuedGeneration>(pending.Count);
        foreach (PendingGeneration generation in pending.OrderBy(one => one.Priority).ThenBy(one => one.QueuedNumber))
        {
            int turn = before.GetValueOrDefault(generation.Caller);
            turns.Add(new QueuedGeneration(generation, turn));
            before[generation.Caller] = turn + generation.Sequences;
        }

        return [.. turns.OrderBy(turn => turn.Generation.Priority).ThenBy(turn => turn.Before).ThenBy(turn => turn.Generation.QueuedNumber)];
    }

    /// <param name="queue">As ordered.</param>
    /// <param name="workers">All that take work, in the order they joined; they are charged for what they get.</param>
    /// <returns>What begins.</returns>
    public IEnumerable<(PendingGeneration Generation, RoutedWorker Worker)> Plan(IEnumerable<QueuedGeneration> queue, IReadOnlyList<RoutedWorker> workers)
    {
        foreach ((PendingGeneration generation, int before) in queue)
        {
            if (generation.CallerRunning is { } most && before >= most)
            {
                continue; // its caller has what it may have
            }

            if (router.Assign(generation, workers) is { } worker)
            {
                yield return (generation, worker);
            }
            else if (generation.IsSuspect || !workers.Any(one => one.HasRoom(generation.Priority)))
            {
                yield break; // a suspect waits for an empty worker, which younger ones must not fill again
            }
        }
    }
}
