using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;

namespace GlmCluster.Engine.Tests.Loop;

/// <summary>Everything that can happen, at random, in a tiny cache with a tiny vocabulary; what must always hold is checked after every step.</summary>
public sealed class RandomTrafficTests
{
    private const int Context = 24;
    private const int Vocabulary = 2;
    private const int Arrivals = 1000;

    [Theory]
    [InlineData(20260301, CacheScope.Server)]
    [InlineData(20260302, CacheScope.Caller)]
    public void Turn_RandomTraffic_EverySequenceGetsItsTokens(int seed, CacheScope scope)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var options = new GenerationEngineOptions { ContextTokens = Context, MaxSequences = 4, StepTokenBudget = 6, CacheScope = scope };
        using var harness = new LoopHarness(new SyntheticRunner(Vocabulary, blockTokens: 2, blockCount: 12), options);
        var requests = new List<(SequenceRequest Request, long Id)>();
        var removed = new HashSet<int>();
        while (requests.Count < Arrivals)
        {
            switch (random.Next(10))
            {
                case < 2:
                    foreach (SequenceRequest choice in Choices(random, requests.Count))
                    {
                        requests.Add((choice, harness.Submit(choice)));
                    }

                    break;
                case 2 when requests.Count > 0:
                    int victim = random.Next(Math.Max(0, requests.Count - 8), requests.Count);
                    harness.Remove(requests[victim].Id);
                    removed.Add(victim);
                    break;
                case 3:
                    harness.Clock.Advance(TimeSpan.FromSeconds(random.Next(3)));
                    break;
            }

            harness.Turn();
        }

        harness.RunToEnd();
        Assert.True(harness.Snapshot.Preemptions > 50, $"{harness.Snapshot.Preemptions} preemptions.");
        Assert.True(harness.Snapshot.ReusedTokens > 500, $"{harness.Snapshot.ReusedTokens} tokens reused.");
        Assert.True(harness.Runner.Copies > 50, $"{harness.Runner.Copies} blocks copied.");
        int overdue = requests.Count(r => harness.Listener[r.Request.Tag!].Last.End == SequenceEnd.Overdue);
        Assert.InRange(overdue, 10, Arrivals / 2);
        foreach ((SequenceRequest request, _) in requests)
        {
            AssertGotItsTokens(request, harness.Listener[request.Tag!], removed.Contains((int)request.Tag!));
        }
    }

    /// <summary>One to three sequences of one prompt, which often begins like others.</summary>
    private static IEnumerable<SequenceRequest> Choices(Random random, int firstTag)
    {
        int prefix = random.Next(3);
        int[] prompt = [.. Requests.Create(prefix, random.Next(1, Context / 2), 1, Vocabulary).PromptIds.ToArray(), .. Ids(random, random.Next(Context / 2))];
        SequenceRequest request = Requests.Create(firstTag, 1, random.Next(1, 20), Vocabulary) with
        {
            PromptIds = prompt,
            Alone = random.Next(20) == 0,
            Caller = $"caller {random.Next(3)}",
            Priority = random.Next(4) == 0 ? 1 : 0,
            Timeout = random.Next(4) == 0 ? TimeSpan.FromSeconds(random.Next(1, 30)) : null,
        };
        int choices = random.Next(4) == 0 ? 3 : 1;
        for (int choice = 0; choice < choices; choice++)
        {
            yield return request with { Sampling = request.Sampling with { Choice = choice }, Tag = firstTag + choice };
        }
    }

    private static int[] Ids(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(Vocabulary))];

    private static void AssertGotItsTokens(SequenceRequest request, Transcript transcript, bool wasRemoved)
    {
        int[] expected = Requests.Expected(request, Context, Vocabulary);
        bool wasCut = transcript.Last.End is SequenceEnd.Removed or SequenceEnd.Overdue;
        Assert.True(transcript.Last.End != SequenceEnd.Removed || wasRemoved, "A sequence was removed that nobody removed.");
        Assert.True(transcript.Last.End != SequenceEnd.Overdue || request.Timeout is not null, "A sequence without a timeout ran out of time.");
        Assert.Equal(wasCut ? expected.Take(transcript.Ids.Count) : expected, transcript.Ids);
    }
}
