using System.Collections.Immutable;
using System.Globalization;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Routing;

namespace GlmCluster.Bench.Routing;

/// <summary>
/// Runs a routing policy, with the router and the digests that clusters use, over simulated workers: conversations of tenants that each have a system
/// prompt, and send all they have said with every turn. The same load and policy give the same result.
/// </summary>
public sealed class RoutingSimulation
{
    private const double ReadTokensPerSecond = 8000;
    private const double SecondsPerToken = 0.03;
    private const double ThinkSeconds = 15;
    private const double LastTurnChance = 0.2;

    private readonly RoutingLoad _load;
    private readonly string _policyName;
    private readonly Router _router;
    private readonly Random _random;
    private readonly SimulatedWorker[] _workers;
    private readonly ImmutableArray<int>[] _systemPrompts;
    private readonly double[] _tenantShares; // running sums
    private readonly PriorityQueue<Action, (double At, long Order)> _events = new();
    private readonly List<double> _waits = [];
    private readonly List<double> _spreads = [];
    private double _now;
    private long _order;
    private long _conversations;
    private long _requests;
    private long _promptTokens;
    private long _cachedTokens;

    private RoutingSimulation(RoutingLoad load, string policy)
    {
        _load = load;
        _policyName = policy;
        _router = new Router(RoutingPolicies.Create(policy));
        _random = new Random(load.RandomSeed);
        _workers = [.. Enumerable.Range(0, load.Workers).Select(number => new SimulatedWorker(number, load.Slots, load.CacheBlocks))];
        _systemPrompts = [.. Enumerable.Range(0, load.Tenants).Select(_ => Tokens(256, 2048))];
        double sum = 0;
        _tenantShares = [.. Enumerable.Range(1, load.Tenants).Select(rank => sum += 1.0 / rank)];
    }

    private bool IsCounted => _now >= _load.Seconds / 3.0;

    /// <exception cref="ArgumentException">There is no such policy.</exception>
    public static RoutingResult Run(RoutingLoad load, string policy)
    {
        ArgumentNullException.ThrowIfNull(load);
        return new RoutingSimulation(load, policy).Run();
    }

    private RoutingResult Run()
    {
        At(0, Begin);
        At(1, Beat);
        while (_events.TryDequeue(out Action? next, out (double At, long Order) when) && when.At < _load.Seconds)
        {
            _now = when.At;
            next();
        }

        _waits.Sort();
        return new RoutingResult(
            _policyName, _waits.Count, (double)_cachedTokens / _promptTokens, _spreads.Average(), Quantile(0.5), Quantile(0.99));
    }

    private double Quantile(double part) => _waits[(int)((_waits.Count - 1) * part)];

    private void At(double seconds, Action action) => _events.Enqueue(action, (seconds, _order++));

    private void Begin()
    {
        At(_now + Exponential(1 / _load.ConversationsPerSecond), Begin);
        int tenant = Array.BinarySearch(_tenantShares, _random.NextDouble() * _tenantShares[^1]);
        tenant = Math.Min(tenant < 0 ? ~tenant : tenant, _load.Tenants - 1);
        var conversation = new Conversation($"c{++_conversations}", $"t{tenant}", new Random(_random.Next())) { Ids = _systemPrompts[tenant] };
        Ask(conversation);
    }

    private void Beat()
    {
        At(_now + 1, Beat);
        if (_router.UsesPrefixes)
        {
            Array.ForEach(_workers, worker => worker.Beat());
        }

        if (IsCounted)
        {
            _spreads.Add(_workers.Max(worker => worker.Running) / _workers.Average(worker => (double)worker.Running));
        }
    }

    private void Ask(Conversation conversation)
    {
        Random random = conversation.Random; // of its own, so that all policies get the same conversations
        conversation.Ids = conversation.Ids.AddRange(Tokens(random, 16, 256));
        RoutedWorker[] routed = [.. _workers.Select(ToRouted)];
        RoutedWorker picked = _router.Assign(ToPending(conversation), routed) ?? throw new BenchException("The simulated load is more than the workers take.");
        SimulatedWorker worker = _workers[Array.IndexOf(routed, picked)];
        int promptTokens = conversation.Ids.Length;
        int cached = Math.Min(worker.Use(Chain(conversation)), promptTokens);
        worker.Running++;
        worker.ReadUntil = Math.Max(_now, worker.ReadUntil) + ((promptTokens - cached) / ReadTokensPerSecond);
        if (IsCounted)
        {
            _promptTokens += promptTokens;
            _cachedTokens += cached;
            _waits.Add(worker.ReadUntil - _now);
        }

        ImmutableArray<int> answer = Tokens(random, 32, 256);
        At(worker.ReadUntil + (answer.Length * SecondsPerToken), () => End(conversation, worker, answer));
    }

    private void End(Conversation conversation, SimulatedWorker worker, ImmutableArray<int> answer)
    {
        worker.Running--;
        conversation.Ids = conversation.Ids.AddRange(answer);
        conversation.Home = worker.Id;
        worker.Use(Chain(conversation));
        if (conversation.Random.NextDouble() >= LastTurnChance)
        {
            At(_now - (ThinkSeconds * Math.Log(1 - conversation.Random.NextDouble())), () => Ask(conversation));
        }
    }

    private static PrefixChain Chain(Conversation conversation) =>
        new(new PrefixChainRoot(SimulatedWorker.Seed, "", SimulatedWorker.BlockTokens), conversation.Ids);

    private static RoutedWorker ToRouted(SimulatedWorker worker)
    {
        var routed = new RoutedWorker(worker.Id, worker.Card, worker.Hints);
        if (worker.Running > 0)
        {
            routed.Add(priority: 0, worker.Running, isSuspect: false);
        }

        return routed;
    }

    private PendingGeneration ToPending(Conversation conversation) => new()
    {
        Id = GenerationId.Parse((++_requests).ToString("x24", CultureInfo.InvariantCulture)),
        Caller = conversation.Tenant,
        Priority = 0,
        Sequences = 1,
        QueuedNumber = _requests,
        IsSuspect = false,
        HasTokens = false,
        Home = conversation.Home,
        Conversation = conversation.Id,
        PromptIds = conversation.Ids,
    };

    private double Exponential(double mean) => -mean * Math.Log(1 - _random.NextDouble());

    private ImmutableArray<int> Tokens(int least, int most) => Tokens(_random, least, most);

    private static ImmutableArray<int> Tokens(Random random, int least, int most) =>
        [.. Enumerable.Range(0, random.Next(least, most + 1)).Select(_ => random.Next(150_000))];

    private sealed class Conversation(string id, string tenant, Random random)
    {
        public string Id => id;

        public string Tenant => tenant;

        public Random Random => random;

        public ImmutableArray<int> Ids { get; set; } = [];

        public Guid? Home { get; set; }
    }
}
