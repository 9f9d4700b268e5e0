using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.Grains.Routing;

/// <summary>Finds the worker for a generation: who may take it is decided here, who of those does is the policy's choice.</summary>
internal sealed class Router(IRoutingPolicy policy)
{
    private const int AnswerTokens = 256; // memory that is looked for beside the prompt's; answers of most requests are shorter than they may be

    /// <summary>Whether prompts are looked at where there is a choice.</summary>
    public bool UsesPrefixes => policy.UsesPrefixes;

    /// <summary>
    /// 1. A suspect gets a worker that has nothing; others none that has a suspect. What has tokens stays in its numerics class while anybody is left there.
    /// 2. There must be room.
    /// 3. Preferred: the numerics class of the conversation, then free memory for what is not cached.
    /// 4. The policy picks, and the worker is charged.
    /// </summary>
    /// <returns>Null: none now.</returns>
    public RoutedWorker? Assign(PendingGeneration generation, IReadOnlyList<RoutedWorker> workers)
    {
        // 1.
        bool IsOfClass(RoutedWorker worker) => worker.Card.NumericsClass == generation.NumericsClass;
        bool staysInClass = generation is { HasTokens: true, NumericsClass: not null } && workers.Any(IsOfClass);

        // 2.
        List<RoutedWorker> able = [.. workers.Where(worker =>
            (generation.IsSuspect ? worker.IsEmpty : !worker.HasSuspect)
            && (!staysInClass || IsOfClass(worker))
            && worker.HasRoom(generation.Priority))];
        if (able.Count == 0)
        {
            return null;
        }

        // 3.
        able = generation.NumericsClass is null ? able : Prefer(able, IsOfClass);
        var chains = new Dictionary<PrefixChainRoot, PrefixChain>();
        Dictionary<Guid, int> cached = able.Count > 1 && policy.UsesPrefixes
            ? able.ToDictionary(worker => worker.Id, worker => ChainFor(worker, generation, chains) is { } chain ? worker.Hints.CachedTokens(chain) : 0)
            : [];
        long NewTokens(RoutedWorker worker) =>
            generation.PromptIds.Length - cached.GetValueOrDefault(worker.Id) + ((long)generation.Sequences * AnswerTokens);
        able = Prefer(able, worker => worker.Hints.FreeTokens >= NewTokens(worker));

        // 4.
        RoutingCandidate[] candidates = [.. able.Select(worker => new RoutingCandidate(
            worker.Id, worker.Sequences, worker.Card.MaxSequences, cached.GetValueOrDefault(worker.Id), worker.Id == generation.Home))];
        RoutedWorker picked = able[policy.Pick(generation.Conversation ?? generation.Caller, candidates)];
        picked.Add(generation.Priority, generation.Sequences, generation.IsSuspect);
        picked.Hints.Give(cached.Count == 0 ? null : ChainFor(picked, generation, chains), NewTokens(picked));
        return picked;
    }

    private static List<RoutedWorker> Prefer(List<RoutedWorker> workers, Predicate<RoutedWorker> isPreferred) =>
        workers.Count > 1 && workers.FindAll(isPreferred) is { Count: > 0 } preferred ? preferred : workers;

    /// <returns>Null: the worker tells nothing about its cache.</returns>
    private static PrefixChain? ChainFor(RoutedWorker worker, PendingGeneration generation, Dictionary<PrefixChainRoot, PrefixChain> chains)
    {
        WorkerCard card = worker.Card;
        if (card.PrefixSeed is not { } seed || worker.Hints.BlockTokens is not (> 0 and int blockTokens))
        {
            return null;
        }

        var root = new PrefixChainRoot(seed, card.SharesByCaller ? generation.Caller : "", blockTokens);
        return chains.TryGetValue(root, out PrefixChain? chain) ? chain : chains[root] = new PrefixChain(root, generation.PromptIds);
    }
}
