using GlmCluster.Grains.Abstractions.Generations;
namespace GlmCluster.Silo.Tests.Workers;

public sealed class ModelWorkerTests(NanoModel nano) : IClassFixture<NanoModel>
{
    private static SamplingSettings Sampled => new() { Temperature = 0.9f, TopP = 0.95f, TopK = 50, Seed = 7 };

    private static SamplingSettings Penalized => Sampled with
    {
        MinP = 0.01f,
        RepetitionPenalty = 1.3f,
        PresencePenalty = 0.4f,
        FrequencyPenalty = 0.2f,
        LogitBias = [new TokenBias(10, 2), new TokenBias(20, -100)],
        MinTokens = 60,
    };

    [Fact]
    public async Task Run_AllReferencePromptsTogether_GivesTheReferenceAnswers()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);

        (List<int> Ids, GenerationEnd End)[] answers =
            await Task.WhenAll(nano.References.Select(reference => silo.RunAsync(silo.Request(reference.PromptIds))));

        Assert.All(nano.References.Zip(answers), pair =>
        {
            Assert.Equal(pair.First.GreedyIds, pair.Second.Ids);
            Assert.Equal(EndReason.Stop, pair.Second.End.Reason);
            Assert.Equal(new TokenUsage(pair.First.PromptIds.Length, pair.First.GreedyIds.Length), pair.Second.End.Usage with { CachedTokens = 0 });
        });
    }

    [Fact]
    public async Task Run_SampledTwiceWithOneSeed_GivesTheSameTokensAloneAndInABatch()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);
        GenerationRequest Sample() => silo.Request(nano.Longest.PromptIds, Sampled);

        (List<int> alone, _) = await silo.RunAsync(Sample());
        (List<int> Ids, GenerationEnd)[] together = await Task.WhenAll(
            nano.References.Take(12).Select(r => silo.Request(r.PromptIds, Sampled)).Prepend(Sample()).Select(silo.RunAsync));

        Assert.Equal(alone, together[0].Ids);
    }

    [Fact]
    public async Task Run_PromptOfAnEarlierTurn_IsInTheUsageAsCached()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);
        ReferenceAnswer first = nano.Longest;
        (_, GenerationEnd firstEnd) = await silo.RunAsync(silo.Request(first.PromptIds));

        (List<int> again, GenerationEnd againEnd) = await silo.RunAsync(silo.Request(first.PromptIds));
        (_, GenerationEnd secondEnd) = await silo.RunAsync(silo.Request([.. first.PromptIds, .. first.GreedyIds, .. first.PromptIds]));

        Assert.Equal(first.GreedyIds, again);
        Assert.Equal(0, firstEnd.Usage.CachedTokens);
        Assert.Equal(first.PromptIds.Length - 1, againEnd.Usage.CachedTokens);
        Assert.Equal(first.PromptIds.Length + first.GreedyIds.Length - 1, secondEnd.Usage.CachedTokens);
    }

    [Fact]
    public async Task Join_TellsTheNumericsClass()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);

        string? name = Assert.Single(await silo.Fabric.ListAsync(CancellationToken.None)).Card.NumericsClass;

        Assert.Matches("^fp_[0-9a-f]{16}$", name);
        Assert.Equal(name, Assert.Single(silo.Fabric.Offered).NumericsClass);
    }

    [Fact]
    public async Task Run_TimeoutIsOver_FailsAndSaysHowFarItCame()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);

        (List<int> ids, GenerationEnd end) = await silo.RunAsync(
            silo.Request(nano.Longest.PromptIds) with { StopIds = [], MaxTokens = 4000, Timeout = TimeSpan.FromMilliseconds(20) });

        Assert.Equal((EndReason.Failed, GenerationFaultCode.DeadlineExceeded), (end.Reason, end.Fault?.Code));
        Assert.Contains($"after 0.02 s, its timeout, and has got {ids.Count} of at most 4,000 tokens", end.Fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_MinTokens_EndsNoSooner()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);
        ReferenceAnswer reference = nano.References[0];

        (List<int> ids, GenerationEnd end) = await silo.RunAsync(
            silo.Request(reference.PromptIds, new SamplingSettings { Temperature = 0, MinTokens = reference.GreedyIds.Length + 5 }));

        Assert.True(ids.Count > reference.GreedyIds.Length + 5, $"{ids.Count} tokens, ended as {end.Reason}.");
        Assert.Equal(reference.GreedyIds[..^1], ids[..(reference.GreedyIds.Length - 1)]);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(5, false)]
    [InlineData(40, false)]
    [InlineData(5, true)]
    [InlineData(40, true)]
    public async Task Park_ReaderLeavesAndComesBack_ContinuesExactly(int leaveAfter, bool penalized)
    {
        SamplingSettings sampling = penalized ? Penalized : Sampled;
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);
        (List<int> whole, _) = await silo.RunAsync(silo.Request(nano.Longest.PromptIds, sampling));
        GenerationRequest request = silo.Request(nano.Longest.PromptIds, sampling);
        await silo.AdmitAsync(request);

        await silo.ReadAsync(request.Id, leaveAfter);
        (List<int> resumed, GenerationEnd? end) = await silo.ReadAsync(request.Id);

        Assert.Equal(whole, resumed);
        Assert.Equal(whole.Count, end!.Usage.CompletionTokens);
    }

    [Fact]
    public async Task Restart_UnfinishedGeneration_ContinuesExactly()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("glm-store-");
        string store = Path.Combine(folder.FullName, "glm.db");
        List<int> whole;
        GenerationRequest request;
        await using (SiloHarness first = await SiloHarness.StartAsync(nano, store))
        {
            (whole, _) = await first.RunAsync(first.Request(nano.Longest.PromptIds, Sampled));
            request = first.Request(nano.Longest.PromptIds, Sampled);
            await first.AdmitAsync(request);
            await first.ReadAsync(request.Id, leaveAfter: 10);
        }

        await using (SiloHarness second = await SiloHarness.StartAsync(nano, store))
        {
            (List<int> resumed, _) = await second.ReadAsync(request.Id);

            Assert.Equal(whole, resumed);
        }

        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Cancel_WhileRunning_EndsAsCancelled()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);
        GenerationRequest request = silo.Request(nano.Longest.PromptIds) with { StopIds = [], MaxTokens = 4000, OnDisconnect = DisconnectPolicy.Detach };
        await silo.AdmitAsync(request);
        await silo.ReadAsync(request.Id, leaveAfter: 3);

        await silo.Fabric.CancelAsync(request.Id, "test", CancellationToken.None);
        (List<int> ids, GenerationEnd? end) = await silo.ReadAsync(request.Id);

        Assert.Equal(EndReason.Cancelled, end!.Reason);
        Assert.InRange(ids.Count, 3, 3999);
    }

    [Fact]
    public async Task Run_TokenLimit_EndsAsLength()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);

        (List<int> ids, GenerationEnd end) = await silo.RunAsync(silo.Request(nano.Longest.PromptIds) with { MaxTokens = 4 });

        Assert.Equal(nano.Longest.GreedyIds.Take(4), ids);
        Assert.Equal(EndReason.Length, end.Reason);
    }

    [Fact]
    public async Task Run_StopString_EndsThere()
    {
        await using SiloHarness silo = await SiloHarness.StartAsync(nano);
        ReferenceAnswer counting = nano.References.First(r => r.Text.StartsWith("\n1 2 3", StringComparison.Ordinal));

        (List<int> ids, GenerationEnd end) = await silo.RunAsync(silo.Request(counting.PromptIds) with { StopStrings = [" 12"] });

        Assert.Equal(counting.GreedyIds.Take(ids.Count), ids);
        Assert.InRange(ids.Count, 12, counting.GreedyIds.Length - 10);
        Assert.Equal(EndReason.Stop, end.Reason);
    }
}
