using System.Collections.Immutable;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Stepping;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Silo.Loading;
using GlmCluster.Silo.Synthetic;
using GlmCluster.TestKit;

namespace GlmCluster.Silo.Tests.Synthetic;

public sealed class SyntheticModelTests(NanoModel nano) : IClassFixture<NanoModel>, IDisposable
{
    private readonly LoadedModel _model = SyntheticModel.Create(
        new ModelLoadOptions
        {
            Folder = RepositoryFolder.Path("assets", "glm-nano"),
            Name = "synthetic",
            MaxContext = 512,
            MaxSequences = 8,
            StepTokens = 16,
            CacheFolder = "",
        },
        stepsPerSecond: 1000,
        TimeProvider.System);

    public void Dispose() => _model.Dispose();

    [Fact]
    public async Task Generate_PromptsInChunksAndInTheCache_GivesThePureFunctionOfTheIds()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano, loaded: _model);
        var language = new SyntheticLanguage(_model.Text.Tokenizer);
        ImmutableArray<int> prompt = [.. Enumerable.Range(300, 100)];
        ImmutableArray<int> longer = prompt.AddRange(Enumerable.Range(500, 40));

        ImmutableArray<int>[] prompts = [prompt, prompt, longer, longer[..99], longer, [300]];
        (List<int> Ids, GenerationEnd End)[] answers = await Task.WhenAll(prompts.Select(ids =>
            silo.RunAsync(silo.Request(ids) with { Model = _model.Card.Model, MaxTokens = 70 })));

        for (int i = 0; i < prompts.Length; i++)
        {
            Assert.Equal(language.Continue(prompts[i].AsSpan(), 70), answers[i].Ids);
        }
    }

    [Fact]
    public void Run_CopiedBlock_CarriesTheStateOn()
    {
        const int Width = 2;
        IStepRunner runner = _model.Runner;
        int[] ids = [.. Enumerable.Range(300, DecoderMemory.BlockTokens)];
        runner.Run(Batch(ids, past: 0, block: 3));
        runner.CopyBlock(source: 3, target: 5);

        int best = ArgMax(runner.Run(Batch([7], past: ids.Length, block: 5)));

        Assert.Equal(new SyntheticLanguage(_model.Text.Tokenizer).Continue([.. ids, 7], 1)[0], best);

        static StepBatch Batch(int[] ids, int past, int block)
        {
            var batch = new StepBatch(64, 1, Width) { TokenCount = ids.Length, SequenceCount = 1, LogitRowCount = 1, TableWidth = Width };
            Array.ConvertAll(ids, id => (long)id).CopyTo(batch.TokenIds, 0);
            batch.CumulativeLengths[1] = ids.Length;
            batch.PastLengths[0] = past;
            (batch.BlockTable[0], batch.BlockTable[1]) = (block, 6);
            batch.LogitRows[0] = ids.Length - 1;
            return batch;
        }
    }

    [Fact]
    public void Run_Aborted_Throws()
    {
        using var runner = new SyntheticStepRunner(
            new SyntheticLanguage(_model.Text.Tokenizer), _model.Card.VocabularySize, blockCount: 1, SyntheticModel.StepTicks(1e-4, TimeProvider.System), TimeProvider.System);
        using var running = new Timer(_ => runner.Abort(), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(1));

        Assert.Throws<StepAbortedException>(() => { runner.Run(new StepBatch(1, 1, 1)); });
    }

    private static int ArgMax(ReadOnlySpan<float> row)
    {
        int best = 0;
        for (int i = 1; i < row.Length; i++)
        {
            best = row[i] > row[best] ? i : best;
        }

        return best;
    }
}
