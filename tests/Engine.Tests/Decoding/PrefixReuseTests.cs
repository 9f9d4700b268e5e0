using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;
using GlmCluster.Engine.Stepping;
using GlmCluster.Engine.Tests.Loop;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Engine.Tests.Decoding;

/// <summary>Real models: with hits in the prefix cache every logit has the bits that it has without.</summary>
public sealed class PrefixReuseTests
{
    [Theory]
    [InlineData("glm-nano", WeightFormat.F32)]
    [InlineData("glm-nano", WeightFormat.Int8)]
    [InlineData("glm", WeightFormat.F32)]
    [InlineData("glm-edge", WeightFormat.F32)]
    [InlineData("glm4", WeightFormat.Int8)]
    [InlineData("chatglm", WeightFormat.F32)]
    [InlineData("glm-nano", WeightFormat.Int8, KvFormat.BF16)]
    [InlineData("glm-nano", WeightFormat.Int4Block32, KvFormat.Int8)]
    public void Turn_SharedBlocksAndCopiedTails_SameBits(string name, WeightFormat format, KvFormat kv = KvFormat.F32)
    {
        string folder = name == "glm-nano" ? TestModel.NanoFolder : TestModel.GoldenFolder(name);
        using TestModel model = TestModel.Load(folder, options => options with { WeightFormat = format, KvFormat = kv });
        int[] prompt = [.. TestPart.RandomIds(150, model.Runner.VocabularySize, seed: 3).Select(id => (int)id)];
        int[][] prompts = [prompt, prompt, prompt[..77], [.. prompt[..70], .. prompt[..40]], prompt[..64], [.. prompt, 1, 2, 3]];

        (List<float[]> rows, _) = Run(model.Runner, prompts, CacheScope.Caller);
        (List<float[]> rowsWithHits, EngineSnapshot snapshot) = Run(model.Runner, prompts, CacheScope.Server);

        Assert.Equal(149 + 76 + 70 + 63 + 150, snapshot.ReusedTokens);
        Assert.Equal(rows, rowsWithHits);
    }

    /// <summary>One prompt after the other, each with its own caller.</summary>
    private static (List<float[]> Rows, EngineSnapshot Snapshot) Run(IStepRunner runner, int[][] prompts, CacheScope scope)
    {
        var options = new GenerationEngineOptions { ContextTokens = 256, CacheScope = scope };
        using var inbox = new Inbox(TimeProvider.System);
        var recorder = new RowRecorder(runner);
        var loop = new StepLoop(recorder, options, inbox, new RecordingListener(), TimeProvider.System, NullLogger.Instance);
        for (int i = 0; i < prompts.Length; i++)
        {
            var sampling = new SamplingParameters(Temperature: 1, TopP: 1, TopK: 0, Seed: 7, Choice: 0);
            inbox.Submit(
                new SequenceRequest { PromptIds = prompts[i], Sampling = sampling, StopIds = Array.Empty<int>(), MaxTokens = 8, Caller = $"{i}", Tag = i },
                options.ContextTokens);
            while (loop.Turn())
            {
                loop.CheckInvariants();
            }
        }

        return (recorder.Rows, loop.Snapshot());
    }

    /// <summary>Keeps all logits that sequences draw from.</summary>
    private sealed class RowRecorder(IStepRunner inner) : IStepRunner
    {
        public List<float[]> Rows { get; } = [];

        public int VocabularySize => inner.VocabularySize;

        public int BlockTokens => inner.BlockTokens;

        public int BlockCount => inner.BlockCount;

        public ReadOnlySpan<float> Run(StepBatch batch)
        {
            ReadOnlySpan<float> logits = inner.Run(batch);
            for (int row = 0; row < batch.LogitRowCount; row++)
            {
                Rows.Add(logits.Slice(row * VocabularySize, VocabularySize).ToArray());
            }

            return logits;
        }

        public void CopyBlock(int source, int target) => inner.CopyBlock(source, target);

        public void Abort() => inner.Abort();

        public void Dispose()
        {
        }
    }
}
