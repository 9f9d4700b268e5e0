using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.Grains.Routing;

/// <summary>A worker during one dispatch: what it has, and what it is given.</summary>
internal sealed class RoutedWorker(Guid id, WorkerCard card, WorkerHints hints)
{
    /// <summary>Of the slots, how much is given beyond them, so that a worker has something to begin with while the next dispatch is on its way.</summary>
    private const int SlotsPerSpare = 4;

    private readonly Dictionary<int, int> _sequences = []; // by priority

    public Guid Id => id;

    public WorkerCard Card => card;

    public WorkerHints Hints => hints;

    /// <summary>Sequences given to it that have not ended.</summary>
    public int Sequences { get; private set; }

    public bool IsEmpty => Sequences == 0;

    public bool HasSuspect { get; private set; }

    /// <summary>Sequences at which it gets no more; what waits beyond waits where any worker can still take it.</summary>
    public int Limit => card.MaxSequences + Math.Min(card.MaxQueued, Math.Max(1, card.MaxSequences / SlotsPerSpare));

    /// <summary>Sequences of a priority that it can still take. What would give way to them (a larger number) does not count.</summary>
    public int Room(int priority) => Math.Max(0, Limit - _sequences.Where(of => of.Key <= priority).Sum(of => of.Value));

    /// <summary>Whether it takes one more; of several choices, all.</summary>
    public bool HasRoom(int priority) => Room(priority) > 0;

    public void Add(int priority, int sequences, bool isSuspect)
    {
        _sequences[priority] = _sequences.GetValueOrDefault(priority) + sequences;
        Sequences += sequences;
        HasSuspect |= isSuspect;
    }
}
