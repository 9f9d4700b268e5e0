using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using GlmCluster.Checkpoints.Encoders;

namespace GlmCluster.Engine.Embeddings;

/// <summary>Runs an encoder over the texts of many callers: a bounded queue before one loop thread.</summary>
/// <remarks>
/// A step takes texts up to a budget of tokens, from the caller that has got least. A request that was given up leaves the queue; what is being
/// computed of it is thrown away. Thread-safe.
/// </remarks>
public sealed class EmbeddingEngine : IDisposable
{
    private readonly EncoderRunner _runner;
    private readonly EmbeddingRecipe _recipe;
    private readonly EmbeddingEngineOptions _options;
    private readonly EncoderBatch _batch;
    private readonly List<EmbeddingText> _inBatch = [];
    private readonly Thread _thread;
    private readonly object _lock = new(); // guards the queue and the three below; pulsed when work comes
    private readonly EmbeddingQueue _queue = new();
    private bool _isStopping;
    private double _tokensPerSecond;
    private long _stepStart; // 0: no step runs

    /// <param name="runner">Stays the caller's; used by this engine only.</param>
    public EmbeddingEngine(EncoderRunner runner, EmbeddingRecipe recipe, EmbeddingEngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(options);
        (_runner, _recipe, _options) = (runner, recipe, options);
        _batch = new EncoderBatch(Math.Max(options.StepTokens, recipe.MaxTokens));
        _thread = new Thread(Loop) { Name = "glm embeddings", IsBackground = true };
        _thread.Start();
    }

    /// <summary>How long the running step has taken; zero: none runs.</summary>
    public TimeSpan StepTime => Volatile.Read(ref _stepStart) is not 0 and long start ? Stopwatch.GetElapsedTime(start) : TimeSpan.Zero;

    /// <summary>Texts that wait or are computed.</summary>
    public int WaitingTexts
    {
        get
        {
            lock (_lock)
            {
                return _queue.Texts;
            }
        }
    }

    /// <summary>Queues texts.</summary>
    /// <param name="caller">Whose share of the steps it counts for.</param>
    /// <param name="texts">Ids, each text at most as long as the recipe says.</param>
    /// <param name="cancellationToken">Takes them out of the queue.</param>
    /// <param name="vectors">One for each text, in order.</param>
    /// <param name="wait">Where it is refused: how long what is queued will take, roughly.</param>
    /// <returns>False: the queue is full.</returns>
    /// <exception cref="ArgumentException">A text is empty or too long, or has an id that does not exist.</exception>
    public bool TryEmbed(
        string caller,
        ImmutableArray<ImmutableArray<int>> texts,
        CancellationToken cancellationToken,
        [NotNullWhen(true)] out Task<ImmutableArray<ReadOnlyMemory<float>>>? vectors,
        out TimeSpan wait)
    {
        Check(texts);
        var job = new EmbeddingJob(caller, texts, cancellationToken);
        (vectors, wait) = (job.Completion, TimeSpan.Zero);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isStopping, this);

            // A request that is larger than the whole queue is taken where there is nothing else.
            if (_queue.Tokens > 0 && (_queue.Jobs >= _options.MaxQueuedRequests || _queue.Tokens + job.Tokens > _options.MaxQueuedTokens))
            {
                vectors = null;
                wait = TimeSpan.FromSeconds(Math.Clamp(_queue.Tokens / Math.Max(_tokensPerSecond, 1), 1, 60));
                return false;
            }

            _queue.Add(job);
            Monitor.Pulse(_lock);
        }

        return true;
    }

    /// <summary>Ends the loop after the running step; what is queued is cancelled.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isStopping = true;
            Monitor.Pulse(_lock);
        }

        _thread.Join();
        _queue.CancelAll();
    }

    private void Check(ImmutableArray<ImmutableArray<int>> texts)
    {
        int vocabulary = _runner.Configuration.VocabularySize;
        foreach (ImmutableArray<int> text in texts)
        {
            if (text.Length < 1 || text.Length > _recipe.MaxTokens)
            {
                throw new ArgumentException($"A text has {text.Length} tokens; supported are 1 to {_recipe.MaxTokens}.", nameof(texts));
            }

            foreach (int id in text)
            {
                if ((uint)id >= (uint)vocabulary)
                {
                    throw new ArgumentException($"The token id {id} does not exist; ids are 0 to {vocabulary - 1}.", nameof(texts));
                }
            }
        }
    }

    private void Loop()
    {
        while (TakeStep())
        {
            RunStep();
        }
    }

    /// <summary>Waits for texts and fills a step with them; false: the engine stops.</summary>
    private bool TakeStep()
    {
        _batch.Clear();
        _inBatch.Clear();
        lock (_lock)
        {
            while (!_isStopping)
            {
                _queue.DropCancelled();
                while (_queue.TryTake(_batch.TokenCount == 0 ? _batch.Room : _options.StepTokens - _batch.TokenCount, out EmbeddingText text))
                {
                    _batch.Add(text.Ids.AsSpan());
                    _inBatch.Add(text);
                }

                if (_inBatch.Count > 0)
                {
                    return true;
                }

                Monitor.Wait(_lock);
            }
        }

        return false;
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever failed is told to those whose texts were in the step.")]
    private void RunStep()
    {
        long start = Stopwatch.GetTimestamp();
        Volatile.Write(ref _stepStart, start);
        try
        {
            ReadOnlySpan<float> hidden = _runner.Run(_batch);
            int width = _runner.Configuration.HiddenSize;
            int first = 0;
            foreach (EmbeddingText text in _inBatch)
            {
                float[] vector = new float[_recipe.Dimensions(_runner.Configuration)];
                TextPooling.Pool(hidden.Slice(first * width, text.Ids.Length * width), _recipe, width, vector);
                text.Job.Complete(text.Index, vector);
                first += text.Ids.Length;
            }
        }
        catch (Exception fault)
        {
            _inBatch.ForEach(text => text.Job.Fail(fault));
        }

        Volatile.Write(ref _stepStart, 0);
        lock (_lock)
        {
            double rate = _batch.TokenCount / Math.Max(Stopwatch.GetElapsedTime(start).TotalSeconds, 1e-6);
            _tokensPerSecond = _tokensPerSecond == 0 ? rate : (0.8 * _tokensPerSecond) + (0.2 * rate);
            _queue.Finish(_inBatch);
        }
    }
}
