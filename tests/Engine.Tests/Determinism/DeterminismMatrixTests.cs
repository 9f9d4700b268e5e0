using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Tests.Decoding;
using GlmCluster.Engine.Tests.Loop;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Engine.Tests.Determinism;

/// <summary>
/// The promise, for every architecture and format: bit for bit the same tokens and logprobs alone, in a batch, with the prompt in chunks, preempted,
/// with cache hits, resumed in the middle, and with any number of threads.
/// </summary>
public sealed class DeterminismMatrixTests
{
    private const string Demo = "glm-nano";
    private const int BlockCount = 12; // three sequences find room, more push each other out
    private const int ContextTokens = 128;
    private const int PromptTokens = 40;
    private const int MaxTokens = 48;

    private static readonly string[] Folders = [Demo, "glm", "chatglm", "glm-edge", "glm4", "glm4_moe", "glm4_moe-air", "glm4_moe_lite", "chatglm-v1"];
    private static readonly int[] Threads = [1, 2, 3];

    /// <summary>Every folder in every format, the demo model in every pair of formats; a new format joins by itself.</summary>
    public static TheoryData<string, WeightFormat, KvFormat> Cells { get; } = new(
        from folder in Folders
        from weights in Enum.GetValues<WeightFormat>()
        from kv in Enum.GetValues<KvFormat>()
        where folder == Demo || (int)kv == (int)weights % Enum.GetValues<KvFormat>().Length
        select (folder, weights, kv));

    [Theory]
    [MemberData(nameof(Cells))]
    public async Task Engine_WhateverRunsBesideIt_GivesTheSameTokensAndLogprobs(string folder, WeightFormat weights, KvFormat kv)
    {
        string path = folder == Demo ? TestModel.NanoFolder : TestModel.GoldenFolder(folder);
        string[]? expected = null;
        foreach (int threads in Threads)
        {
            using TestModel model = TestModel.Load(path, options => options with
            {
                WeightFormat = weights,
                KvFormat = kv,
                Threads = threads,
                BlockCount = BlockCount,
                ContextTokens = ContextTokens,
            });
            SequenceRequest[] requests = [.. Enumerable.Range(0, 6).Select(index => CreateRequest(index, model.Configuration))];

            expected ??= await RunAsync(model, requests, maxSequences: 1, stepTokens: 512);
            Assert.Equal(expected, await RunAsync(model, requests, maxSequences: 3, stepTokens: 512));
            Assert.Equal(expected, await RunAsync(model, requests, maxSequences: 3, stepTokens: 7));
            await AssertPreemptedAsync(model, requests, expected);
            await AssertCachedAsync(model, requests, expected);
            await AssertResumedAsync(model, requests, expected);
        }
    }

    private static async Task AssertPreemptedAsync(TestModel model, SequenceRequest[] requests, string[] expected)
    {
        // Prompts at full speed, so that all are in the batch together whatever the time of a step.
        using var run = new MatrixRun(model.Runner, Limits(model, maxSequences: 6, stepTokens: 64) with { PrefillSlowdown = double.PositiveInfinity });
        Assert.Equal(expected, await run.RunAsync(requests));
        Assert.True(run.Preemptions > 0, "Nothing was preempted.");
    }

    private static async Task AssertCachedAsync(TestModel model, SequenceRequest[] requests, string[] expected)
    {
        using var run = new MatrixRun(model.Runner, Limits(model, maxSequences: 3, stepTokens: 64));
        await run.RunAsync(requests[..3]);
        Assert.Equal(expected[..3], await run.RunAsync(requests[..3]));
        Assert.True(run.ReusedPromptTokens > 0, "Nothing was found in the prefix cache.");
    }

    private static async Task AssertResumedAsync(TestModel model, SequenceRequest[] requests, string[] expected)
    {
        const int Cut = 9;
        using var run = new MatrixRun(model.Runner, Limits(model, maxSequences: 3, stepTokens: 20));
        string[] rest = await run.RunAsync(
            [.. requests.Select((request, index) => request with { GeneratedIds = TranscriptText.IdsOf(expected[index]).AsMemory(0, Cut) })]);

        Assert.Equal(expected.Select(transcript => TranscriptText.After(transcript, Cut)), rest);
    }

    private static async Task<string[]> RunAsync(TestModel model, SequenceRequest[] requests, int maxSequences, int stepTokens)
    {
        using var run = new MatrixRun(model.Runner, Limits(model, maxSequences, stepTokens));
        return await run.RunAsync(requests);
    }

    /// <summary>A prefix goes in in one step, so where a model has them the longest must find room.</summary>
    private static GenerationEngineOptions Limits(TestModel model, int maxSequences, int stepTokens) => new()
    {
        ContextTokens = ContextTokens,
        MaxSequences = maxSequences,
        StepTokenBudget = model.Configuration.Prefix is null ? stepTokens : Math.Max(stepTokens, PromptTokens + maxSequences),
    };

    /// <summary>Prompts of different lengths; greedy, sampled, and with everything that looks at earlier ids.</summary>
    private static SequenceRequest CreateRequest(int index, DecoderConfiguration model)
    {
        var random = new Random(index);
        int[] promptIds = [.. Enumerable.Range(0, PromptTokens - (6 * index)).Select(_ => random.Next(model.VocabularySize))];
        return new SequenceRequest
        {
            PromptIds = model.Prefix is PrefixConfiguration prefix ? EndPrefix(promptIds, prefix) : promptIds,
            Sampling = new SamplingParameters(Temperature: index % 3 / 2f, TopP: 0.95f, TopK: 50, Seed: (ulong)index, Choice: index)
            {
                MinP = 0.01f,
                RepetitionPenalty = index % 2 == 0 ? 1 : 1.2f,
                FrequencyPenalty = index % 2 == 0 ? 0 : 0.3f,
            },
            TopLogprobs = 3,
            StopIds = default,
            MaxTokens = MaxTokens,
            Tag = index,
        };
    }

    /// <summary>Makes all of a prompt but its last id the prefix.</summary>
    private static int[] EndPrefix(int[] ids, PrefixConfiguration prefix)
    {
        int[] specials = [prefix.StartId, prefix.GMaskId, prefix.MaskId];
        return [.. ids[..^2].Select(id => specials.Contains(id) ? 0 : id), prefix.GMaskId, prefix.StartId];
    }

    /// <summary>What a sequence got, every bit of it, as text.</summary>
    private static class TranscriptText
    {
        public static string Of(Transcript transcript) => string.Join(' ', transcript.Updates.Select(update =>
            $"{update.TokenId}:{Bits(update.Logprob)}:{string.Join(',', update.TopLogprobs.ToArray().Select(top => $"{top.Id}={Bits(top.Logprob)}"))}"));

        public static int[] IdsOf(string transcript) => [.. transcript.Split(' ').Select(token => int.Parse(token.Split(':')[0], null))];

        public static string After(string transcript, int tokens) => string.Join(' ', transcript.Split(' ').Skip(tokens));

        private static string Bits(float value) => BitConverter.SingleToUInt32Bits(value).ToString("x8", null);
    }

    /// <summary>One engine on a runner that others use before and after it.</summary>
    private sealed class MatrixRun : IDisposable
    {
        private readonly SwitchingListener _listener = new();
        private readonly GenerationEngine _engine;

        public MatrixRun(DecoderRunner runner, GenerationEngineOptions options)
        {
            _engine = new GenerationEngine(runner, options, _listener, NullLogger.Instance);
            _engine.Start();
        }

        public long Preemptions => _engine.Snapshot.Preemptions;

        public int ReusedPromptTokens { get; private set; }

        public async Task<string[]> RunAsync(SequenceRequest[] requests)
        {
            var recorder = new RecordingListener();
            _listener.Current = recorder;
            _listener.Submitted.Reset();
            foreach (SequenceRequest request in requests)
            {
                _engine.Submit(request);
            }

            _listener.Submitted.Set();

            foreach (SequenceRequest request in requests)
            {
                await Task.WhenAny(recorder[request.Tag!].Ended, recorder.Fault.Task);
                Assert.False(recorder.Fault.Task.IsCompleted, "The engine failed.");
            }

            ReusedPromptTokens = requests.Sum(request => recorder[request.Tag!].Last.ReusedPromptTokens);
            return [.. requests.Select(request => TranscriptText.Of(recorder[request.Tag!]))];
        }

        public void Dispose()
        {
            _engine.Dispose();
            _listener.Submitted.Dispose();
        }
    }

    private sealed class SwitchingListener : IStepListener
    {
        private volatile RecordingListener? _current;

        public RecordingListener? Current { set => _current = value; }

        /// <summary>The loop waits for it after a step, so that sequences meet in the batch however slow the submitting thread is.</summary>
        public ManualResetEventSlim Submitted { get; } = new(initialState: true);

        public void OnStep(ReadOnlySpan<SequenceUpdate> updates)
        {
            Submitted.Wait();
            _current!.OnStep(updates);
        }

        public void OnFault(Exception fault) => _current!.OnFault(fault);
    }
}
