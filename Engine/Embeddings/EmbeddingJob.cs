using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace GlmCluster.Engine.Embeddings;

/// <summary>A request in the engine: its texts, the longest first, so that a step's texts are alike.</summary>
internal sealed class EmbeddingJob
{
    private readonly TaskCompletionSource<ImmutableArray<ReadOnlyMemory<float>>> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenRegistration _registration;
    private readonly ImmutableArray<ImmutableArray<int>> _texts;
    private readonly List<int> _remaining; // longest first
    private readonly ReadOnlyMemory<float>[] _vectors;
    private int _done;

    public EmbeddingJob(string caller, ImmutableArray<ImmutableArray<int>> texts, CancellationToken cancellationToken)
    {
        Caller = caller;
        Tokens = texts.Sum(text => (long)text.Length);
        _texts = texts;
        _remaining = [.. Enumerable.Range(0, texts.Length).OrderByDescending(index => texts[index].Length)];
        _vectors = new ReadOnlyMemory<float>[texts.Length];
        _registration = cancellationToken.Register(() => _completion.TrySetCanceled(cancellationToken));
    }

    public string Caller { get; }

    /// <summary>Tokens of all texts.</summary>
    public long Tokens { get; }

    public int Texts => _texts.Length;

    public Task<ImmutableArray<ReadOnlyMemory<float>>> Completion => _completion.Task;

    /// <summary>Whether nobody waits for it any more.</summary>
    public bool IsOver => _completion.Task.IsCompleted;

    public bool IsTaken => _remaining.Count == 0;

    /// <summary>The longest text that fits and was not taken yet.</summary>
    public bool TryTake(int room, out EmbeddingText text)
    {
        int place = _remaining.FindIndex(index => _texts[index].Length <= room);
        if (place >= 0)
        {
            int index = _remaining[place];
            _remaining.RemoveAt(place);
            text = new EmbeddingText(this, index, _texts[index]);
            return true;
        }

        text = default;
        return false;
    }

    /// <summary>Used only on the engine's thread.</summary>
    public void Complete(int index, ReadOnlyMemory<float> vector)
    {
        _vectors[index] = vector;
        if (++_done == _vectors.Length)
        {
            _registration.Dispose();
            _completion.TrySetResult(ImmutableCollectionsMarshal.AsImmutableArray(_vectors));
        }
    }

    public void Fail(Exception fault) => _completion.TrySetException(fault);

    public void Cancel() => _completion.TrySetCanceled();
}

/// <summary>A text of a request.</summary>
internal readonly record struct EmbeddingText(EmbeddingJob Job, int Index, ImmutableArray<int> Ids);
