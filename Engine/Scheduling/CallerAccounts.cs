namespace GlmCluster.Engine.Scheduling;

/// <summary>What one caller has in the engine, and what it has got.</summary>
internal sealed class CallerAccount(string caller, long computedTokens)
{
    public string Caller { get; } = caller;

    /// <summary>Tokens that were computed for it. A caller that comes starts where those that are there have got least: nobody saves up for later.</summary>
    public long ComputedTokens { get; set; } = computedTokens;

    /// <summary>Sequences that have not ended.</summary>
    public int Sequences { get; set; }

    /// <summary>Those of them that are in the batch.</summary>
    public int Running { get; set; }
}

/// <summary>The callers that have sequences in the engine.</summary>
/// <remarks>
/// After "Fairness in Serving Large Language Models" (Sheng et al., OSDI 2024): the caller that has got least is served next; tokens found in the cache cost
/// nothing. Used only on the engine loop thread.
/// </remarks>
internal sealed class CallerAccounts
{
    private readonly Dictionary<string, CallerAccount> _accounts = [];

    public IReadOnlyCollection<CallerAccount> All => _accounts.Values;

    /// <summary>Counts a sequence in.</summary>
    public CallerAccount Join(string caller)
    {
        if (!_accounts.TryGetValue(caller, out CallerAccount? account))
        {
            account = new CallerAccount(caller, LeastComputedTokens());
            _accounts.Add(caller, account);
        }

        account.Sequences++;
        return account;
    }

    /// <summary>Counts a sequence out; a caller without any is forgotten.</summary>
    public void Leave(CallerAccount account)
    {
        if (--account.Sequences == 0)
        {
            _accounts.Remove(account.Caller);
        }
    }

    private long LeastComputedTokens()
    {
        long least = _accounts.Count == 0 ? 0 : long.MaxValue;
        foreach (CallerAccount account in _accounts.Values)
        {
            least = Math.Min(least, account.ComputedTokens);
        }

        return least;
    }
}
