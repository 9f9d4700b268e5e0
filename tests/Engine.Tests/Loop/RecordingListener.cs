using System.Collections.Concurrent;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Tests.Loop;

/// <summary>Keeps what every sequence got, by its tag.</summary>
internal sealed class RecordingListener : IStepListener
{
    private readonly ConcurrentDictionary<object, Transcript> _transcripts = new();

    public TaskCompletionSource<Exception> Fault { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Faults { get; private set; }

    public Transcript this[object tag] => _transcripts.GetOrAdd(tag, _ => new Transcript());

    public void OnStep(ReadOnlySpan<SequenceUpdate> updates)
    {
        Assert.False(updates.IsEmpty);
        var seen = new HashSet<object>();
        foreach (SequenceUpdate update in updates)
        {
            Assert.True(seen.Add(update.Tag!), "A sequence got two updates in one step.");
            this[update.Tag!].Add(update.TopLogprobs.IsEmpty ? update : update with { TopLogprobs = update.TopLogprobs.ToArray() });
        }
    }

    public void OnFault(Exception fault)
    {
        Faults++;
        Fault.TrySetResult(fault);
    }
}

/// <summary>The updates of one sequence.</summary>
internal sealed class Transcript
{
    private readonly TaskCompletionSource<SequenceUpdate> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public List<int> Ids { get; } = [];

    public List<SequenceUpdate> Updates { get; } = [];

    /// <summary>Completes with the last update.</summary>
    public Task<SequenceUpdate> Ended => _ended.Task;

    /// <summary>Completes with the first update.</summary>
    public Task First => _first.Task;

    public SequenceUpdate Last => Updates[^1];

    public void Add(SequenceUpdate update)
    {
        Assert.False(_ended.Task.IsCompleted, "An update came after the end.");
        Updates.Add(update);
        if (update.TokenId >= 0)
        {
            Ids.Add(update.TokenId);
        }

        _first.TrySetResult();
        if (update.End != SequenceEnd.None)
        {
            _ended.SetResult(update);
        }
    }
}
