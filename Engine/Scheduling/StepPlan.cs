namespace GlmCluster.Engine.Scheduling;

/// <summary>One sequence's part of a step.</summary>
/// <param name="Sequence">Whose.</param>
/// <param name="NewTokens">Pending ids that go in, at least 1.</param>
internal readonly record struct PlannedSequence(Sequence Sequence, int NewTokens)
{
    /// <summary>Whether its last known id is among them, so that the next one can be drawn.</summary>
    public bool Draws => NewTokens == Sequence.PendingTokens;
}

/// <summary>What goes into one step, in batch order. Reused from step to step.</summary>
/// <remarks>Used only on the engine loop thread.</remarks>
internal sealed class StepPlan(int sequenceCapacity, int tokenBudget)
{
    private readonly PlannedSequence[] _entries = new PlannedSequence[sequenceCapacity];
    public ReadOnlySpan<PlannedSequence> Entries => _entries.AsSpan(0, Count);

    public int Count { get; private set; }

    public int Tokens { get; private set; }

    /// <summary>Tokens that still fit into the step.</summary>
    public int BudgetLeft => tokenBudget - Tokens;

    public void Clear()
    {
        Array.Clear(_entries, 0, Count); // keeps no ended sequence alive
        Count = 0;
        Tokens = 0;
    }

    public void Add(Sequence sequence, int newTokens)
    {
        _entries[Count++] = new PlannedSequence(sequence, newTokens);
        Tokens += newTokens;
    }

    /// <summary>Takes a sequence out; nothing happens when it is not in.</summary>
    public void Remove(Sequence sequence)
    {
        for (int i = 0; i < Count; i++)
        {
            if (_entries[i].Sequence == sequence)
            {
                Tokens -= _entries[i].NewTokens;
                Entries[(i + 1)..].CopyTo(_entries.AsSpan(i));
                _entries[--Count] = default;
                return;
            }
        }
    }
}
