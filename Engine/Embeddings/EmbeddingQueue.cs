using GlmCluster.Engine.Scheduling;

namespace GlmCluster.Engine.Embeddings;

/// <summary>Requests in the engine, served so that callers get equal shares of tokens; one caller's requests go in the order they came.</summary>
/// <remarks>Its owner's lock guards it.</remarks>
internal sealed class EmbeddingQueue
{
    private readonly CallerAccounts _accounts = new();
    private readonly Dictionary<EmbeddingJob, CallerAccount> _jobs = [];
    private readonly List<EmbeddingJob> _waiting = []; // those that have texts to take, in order

    /// <summary>Requests that wait or are computed.</summary>
    public int Jobs => _jobs.Count;

    /// <summary>Tokens of them.</summary>
    public long Tokens { get; private set; }

    /// <summary>Texts of them.</summary>
    public int Texts { get; private set; }

    public void Add(EmbeddingJob job)
    {
        _jobs.Add(job, _accounts.Join(job.Caller));
        _waiting.Add(job);
        Tokens += job.Tokens;
        Texts += job.Texts;
    }

    /// <summary>Takes a text of at most so many tokens, from the caller that has got least.</summary>
    public bool TryTake(int room, out EmbeddingText text)
    {
        text = default;
        if (room < 1)
        {
            return false;
        }

        foreach (EmbeddingJob job in _waiting.OrderBy(job => _jobs[job].ComputedTokens))
        {
            if (job.TryTake(room, out text))
            {
                _jobs[job].ComputedTokens += text.Ids.Length;
                if (job.IsTaken)
                {
                    _waiting.Remove(job);
                }

                return true;
            }
        }

        return false;
    }

    /// <summary>Forgets the requests that a step completed.</summary>
    public void Finish(List<EmbeddingText> texts)
    {
        foreach (EmbeddingText text in texts)
        {
            if (text.Job.IsOver)
            {
                Remove(text.Job);
            }
        }
    }

    /// <summary>Forgets requests that were given up.</summary>
    public void DropCancelled()
    {
        foreach (EmbeddingJob job in _waiting.FindAll(job => job.IsOver))
        {
            Remove(job);
        }
    }

    public void CancelAll()
    {
        foreach (EmbeddingJob job in _jobs.Keys)
        {
            job.Cancel();
        }
    }

    private void Remove(EmbeddingJob job)
    {
        if (_jobs.Remove(job, out CallerAccount? account))
        {
            _waiting.Remove(job);
            _accounts.Leave(account);
            Tokens -= job.Tokens;
            Texts -= job.Texts;
        }
    }
}
