namespace GlmCluster.Engine.Scheduling;

/// <summary>Which of several sequences comes first, and which gives way. Pure functions; they allocate nothing.</summary>
internal static class SequenceChoice
{
    public static Sequence? Find(List<Sequence> sequences, long sequenceId)
    {
        foreach (Sequence sequence in sequences)
        {
            if (sequence.Id == sequenceId)
            {
                return sequence;
            }
        }

        return null;
    }

    /// <summary>The first in rank of those that were not dealt with in a turn.</summary>
    public static Sequence? First(List<Sequence> sequences, long turn)
    {
        Sequence? first = null;
        foreach (Sequence sequence in sequences)
        {
            if (sequence.SeenInTurn != turn && (first is null || sequence.Precedes(first)))
            {
                first = sequence;
            }
        }

        return first;
    }

    /// <summary>The running sequence that gives way first: of the lowest priority, the newest.</summary>
    public static Sequence? Last(List<Sequence> running)
    {
        Sequence? last = null;
        foreach (Sequence sequence in running)
        {
            if (last is null || (sequence.Priority, sequence.Id).CompareTo((last.Priority, last.Id)) > 0)
            {
                last = sequence;
            }
        }

        return last;
    }

    /// <summary>
    /// Who leaves a full batch for a waiting sequence: the last one, where that has a lower priority; else, where the waiting one's caller has nothing in the
    /// batch, the newest of the caller that has most, as long as that keeps something. Null: nobody.
    /// </summary>
    public static Sequence? LeavingFor(List<Sequence> running, Sequence next)
    {
        if (Last(running) is { } last && last.Priority > next.Priority)
        {
            return last;
        }

        Sequence? leaving = null;
        foreach (Sequence sequence in running)
        {
            int held = sequence.Account!.Running;
            if (next.Account!.Running == 0
                && sequence.Priority == next.Priority
                && held > 1
                && (leaving is null || (held, sequence.Id).CompareTo((leaving.Account!.Running, leaving.Id)) > 0))
            {
                leaving = sequence;
            }
        }

        return leaving;
    }

    /// <summary>The sequence with the earliest deadline.</summary>
    public static Sequence? FirstDue(List<Sequence> running, List<Sequence> waiting)
    {
        Sequence? first = null;
        foreach (Sequence sequence in running)
        {
            first = sequence.Deadline < (first?.Deadline ?? long.MaxValue) ? sequence : first;
        }

        foreach (Sequence sequence in waiting)
        {
            first = sequence.Deadline < (first?.Deadline ?? long.MaxValue) ? sequence : first;
        }

        return first;
    }
}
