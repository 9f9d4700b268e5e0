using System.Diagnostics;
using System.Runtime.InteropServices;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Stepping;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Bench;

/// <summary>The first token of a late turn beside that of a fresh prompt with as many new tokens.</summary>
/// <param name="NewTokens">Which both compute.</param>
/// <param name="PromptTokens">Of the late turn, found in the cache but for the new ones.</param>
/// <param name="Turn">Time to first token of the turn, median.</param>
/// <param name="Fresh">Time to first token of the fresh prompt, median.</param>
public sealed record TurnTimes(int NewTokens, int PromptTokens, TimeSpan Turn, TimeSpan Fresh);

/// <summary>Running streams while another request's prompt is read.</summary>
/// <param name="Streams">How many.</param>
/// <param name="PromptTokens">Of the other request.</param>
/// <param name="Alone">Times between tokens without it, before and after, in order of size.</param>
/// <param name="Beside">Times between tokens meanwhile, in order of size.</param>
/// <param name="UntilFirstToken">Of the other request.</param>
public sealed record PaceTimes(
    int Streams, int PromptTokens, IReadOnlyList<TimeSpan> Alone, IReadOnlyList<TimeSpan> Beside, TimeSpan UntilFirstToken);

/// <summary>Measures what sequences get from each other (the prefix cache) and take from each other (the time of a step), on an engine of its own.</summary>
public sealed class SharingBenchmark : IStepListener, IDisposable
{
    private const int Turns = 10;
    private const int MessageTokens = 64;
    private const int AnswerTokens = 16;
    private const int Conversations = 5;
    private const int Streams = 4;
    private const int LeastAlone = 20;
    private const int MostAlone = 500;

    /// <summary>How long streams are watched alone, before the prompt and after it: what is measured must be longer than a neighbour's hiccup.</summary>
    private static readonly TimeSpan AloneTime = TimeSpan.FromSeconds(3);

    private readonly GenerationEngine _engine;
    private readonly int _vocabularySize;
    private readonly int _contextTokens;
    private readonly TaskCompletionSource<Exception> _fault = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _seed = 1_000_000; // shares no prompt with other measurements

    public SharingBenchmark(IStepRunner runner, GenerationEngineOptions limits)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(limits);
        _vocabularySize = runner.VocabularySize;
        _contextTokens = limits.ContextTokens;
        _engine = new GenerationEngine(runner, limits, this, NullLogger.Instance);
        _engine.Start();
    }

    public void OnStep(ReadOnlySpan<SequenceUpdate> updates)
    {
        foreach (SequenceUpdate update in updates)
        {
            ((Stream)update.Tag!).Note(update);
        }
    }

    public void OnFault(Exception fault) => _fault.TrySetResult(fault);

    public void Dispose() => _engine.Dispose();

    public async Task<TurnTimes> TurnsAsync()
    {
        List<TimeSpan> turns = [];
        List<TimeSpan> fresh = [];
        int promptTokens = 0;
        for (int i = 0; i < Conversations; i++)
        {
            List<int> conversation = [];
            TimeSpan first = TimeSpan.Zero;
            for (int turn = 0; turn < Turns; turn++)
            {
                conversation.AddRange(NextIds(MessageTokens));
                promptTokens = conversation.Count;
                Stream answer = await RunAsync([.. conversation], AnswerTokens);
                first = answer.UntilFirst;
                conversation.AddRange(answer.Ids);
            }

            turns.Add(first);
            fresh.Add((await RunAsync(NextIds(MessageTokens + 1), AnswerTokens)).UntilFirst);
        }

        return new TurnTimes(MessageTokens + 1, promptTokens, At(turns, 0.5), At(fresh, 0.5));
    }

    /// <param name="promptTokens">Length of the other request's prompt; shortened to what the context holds.</param>
    public async Task<PaceTimes> PaceAsync(int promptTokens)
    {
        promptTokens = Math.Min(promptTokens, _contextTokens - 1);
        Stream[] streams = [.. Enumerable.Range(0, Streams).Select(_ => SubmitStream())];
        await WaitAsync(streams[^1].First);
        await WatchAsync(streams[0]);
        List<TimeSpan> alone = streams[0].Gaps(streams[^1].FirstAt, long.MaxValue);

        Stream prompt = Submit(NextIds(promptTokens), maxTokens: 1);
        List<TimeSpan> beside = [];
        while (!prompt.Ended.IsCompleted)
        {
            await WaitAsync(Task.WhenAny([prompt.Ended, .. streams.Select(stream => stream.Ended)]));
            beside.AddRange(Renew(streams, prompt));
        }

        beside.AddRange(streams[0].Gaps(prompt.SubmittedAt, prompt.LastAt));
        await WatchAsync(streams[0]);
        alone.AddRange(streams[0].Gaps(prompt.LastAt, long.MaxValue));
        foreach (Stream stream in streams)
        {
            _engine.Remove(stream.Id);
            await WaitAsync(stream.Ended);
        }

        return new PaceTimes(Streams, promptTokens, [.. alone.Order()], [.. beside.Order()], prompt.UntilFirst);
    }

    /// <summary>Puts a new stream in the place of each that has filled its context.</summary>
    /// <returns>What the first one's times were beside the prompt, if it was among them.</returns>
    private List<TimeSpan> Renew(Stream[] streams, Stream prompt)
    {
        List<TimeSpan> first = streams[0].Ended.IsCompleted && !prompt.Ended.IsCompleted ? streams[0].Gaps(prompt.SubmittedAt, long.MaxValue) : [];
        for (int i = 0; i < streams.Length; i++)
        {
            if (streams[i].Ended.IsCompleted)
            {
                streams[i] = SubmitStream();
            }
        }

        return first;
    }

    private static async Task WatchAsync(Stream stream)
    {
        long start = Stopwatch.GetTimestamp();
        int count = stream.Count;
        while (!stream.Ended.IsCompleted
            && stream.Count < count + MostAlone
            && (stream.Count < count + LeastAlone || Stopwatch.GetElapsedTime(start) < AloneTime))
        {
            await Task.Delay(5);
        }
    }

    private static TimeSpan At(List<TimeSpan> times, double quantile)
    {
        times.Sort();
        return times.Count == 0 ? TimeSpan.Zero : times[(int)((times.Count - 1) * quantile)];
    }

    private Stream SubmitStream() => Submit(NextIds(12), _contextTokens);

    private int[] NextIds(int tokens) => BenchPrompts.RandomIds(tokens, _vocabularySize, ++_seed);

    private async Task<Stream> RunAsync(int[] promptIds, int maxTokens)
    {
        Stream stream = Submit(promptIds, maxTokens);
        await WaitAsync(stream.Ended);
        return stream;
    }

    private async Task WaitAsync(Task task)
    {
        if (await Task.WhenAny(task, _fault.Task) == _fault.Task)
        {
            throw await _fault.Task;
        }
    }

    private Stream Submit(int[] promptIds, int maxTokens)
    {
        var stream = new Stream();
        stream.Id = _engine.Submit(new SequenceRequest
        {
            PromptIds = promptIds,
            Sampling = new SamplingParameters(Temperature: 0, TopP: 1, TopK: 0, Seed: 0, Choice: 0),
            StopIds = ReadOnlyMemory<int>.Empty,
            MaxTokens = maxTokens,
            Tag = stream,
        });
        return stream;
    }

    /// <summary>When one sequence got its tokens. Noted on the loop thread; lists are read once it has ended, or by count.</summary>
    private sealed class Stream
    {
        private readonly List<long> _times = new(1 << 16);
        private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _count;

        public long Id { get; set; }

        public long SubmittedAt { get; } = Stopwatch.GetTimestamp();

        public List<int> Ids { get; } = [];

        public Task First => _first.Task;

        public Task Ended => _ended.Task;

        public int Count => Volatile.Read(ref _count);

        public long FirstAt => _times[0];

        public long LastAt => _times[^1];

        public TimeSpan UntilFirst => Stopwatch.GetElapsedTime(SubmittedAt, _times[0]);

        public void Note(in SequenceUpdate update)
        {
            if (update.TokenId >= 0)
            {
                _times.Add(Stopwatch.GetTimestamp());
                Ids.Add(update.TokenId);
                Volatile.Write(ref _count, _times.Count);
                _first.TrySetResult();
            }

            if (update.End != SequenceEnd.None)
            {
                _ended.TrySetResult();
            }
        }

        /// <summary>Times between tokens that both came after <paramref name="from"/> and not after <paramref name="to"/>.</summary>
        public List<TimeSpan> Gaps(long from, long to)
        {
            int count = Count;
            long[] inside = [.. CollectionsMarshal.AsSpan(_times)[..count].ToArray().Where(time => time > from && time <= to)];
            return [.. inside.Skip(1).Select((time, i) => Stopwatch.GetElapsedTime(inside[i], time))];
        }
    }
}
