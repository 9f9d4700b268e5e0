using GlmCluster.Engine.Stepping;
using GlmCluster.Grains.Abstractions.Generations;
namespace GlmCluster.Silo.Tests.Workers;

public sealed class WorkerSupervisorTests(NanoModel nano) : IClassFixture<NanoModel>
{
    [Fact]
    public async Task EngineFault_ReaderStays_NextIncarnationContinuesExactly()
    {
        var runner = new FaultyRunner(nano.Model.Runner);
        await using SiloHarness silo = await SiloHarness.StartAsync(nano, loaded: nano.With(runner));
        runner.FailAtStep(nano.Longest.GreedyIds.Length / 2);

        (List<int> ids, GenerationEnd end) = await silo.RunAsync(silo.Request(nano.Longest.PromptIds));

        Assert.Equal(1, runner.Faults);
        Assert.Equal(nano.Longest.GreedyIds, ids);
        Assert.Equal(EndReason.Stop, end.Reason);
    }

    [Fact]
    public async Task EngineFault_OneRequestIsTheCause_OnlyThatOneFails()
    {
        const int PoisonId = 99;
        var runner = new FaultyRunner(nano.Model.Runner) { PoisonId = PoisonId };
        await using SiloHarness silo = await SiloHarness.StartAsync(nano, loaded: nano.With(runner));
        ReferenceAnswer[] innocent = [.. nano.References.Where(r => !r.PromptIds.Contains(PoisonId) && !r.GreedyIds.Contains(PoisonId)).Take(10)];

        Task<(List<int>, GenerationEnd)> poisoned = silo.RunAsync(silo.Request([.. nano.Longest.PromptIds, PoisonId]));
        (List<int> Ids, GenerationEnd End)[] answers = await Task.WhenAll(innocent.Select(r => silo.RunAsync(silo.Request(r.PromptIds))));
        (_, GenerationEnd end) = await poisoned;

        Assert.Equal(GenerationFaultCode.WorkerLost, end.Fault?.Code);
        Assert.All(innocent.Zip(answers), pair => Assert.Equal(pair.First.GreedyIds, pair.Second.Ids));
        Assert.InRange(runner.Faults, 2, 3);
    }

    /// <summary>A real model whose device fails: a fault that cannot be had otherwise.</summary>
    private sealed class FaultyRunner(IStepRunner inner) : IStepRunner
    {
        private int _stepsToFault = -1;

        public int Faults { get; private set; }

        /// <summary>A step with this id fails; null: none does.</summary>
        public int? PoisonId { get; init; }

        public int VocabularySize => inner.VocabularySize;

        public int BlockTokens => inner.BlockTokens;

        public int BlockCount => inner.BlockCount;

        public void CopyBlock(int source, int target) => inner.CopyBlock(source, target);

        public void FailAtStep(int step) => Volatile.Write(ref _stepsToFault, step);

        public ReadOnlySpan<float> Run(StepBatch batch)
        {
            bool isPoisoned = PoisonId is { } poison && batch.TokenIds.AsSpan(0, batch.TokenCount).Contains(poison);
            if (isPoisoned || Interlocked.Decrement(ref _stepsToFault) == 0)
            {
                Faults++;
                throw new InvalidOperationException("The device is gone.");
            }

            return inner.Run(batch);
        }

        public void Abort() => inner.Abort();

        public void Dispose()
        {
        }
    }
}
