using System.Collections.Immutable;
using GlmCluster.Engine.Sequences;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Silo.Workers;

namespace GlmCluster.Silo.Tests.Workers;

/// <summary>The order of a log is a function of its ids: neither the pace of the choices, nor writes, nor parks can change it.</summary>
public sealed class RunningGenerationTests
{
    [Fact]
    public void TakeEntries_AnyPaceOfChoicesAndAnyParks_GivesTheSameOrder()
    {
        for (int seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            int[] lengths = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => random.Next(1, 12))];
            (int Choice, int Id)[] expected =
            [
                .. lengths.SelectMany((length, choice) => Enumerable.Range(0, length).Select(index => (index, choice)))
                    .Order().Select(place => (place.choice, IdOf(place.choice, place.index))),
            ];

            ImmutableArray<LogEntry> log = RunToTheEnd(lengths, random);

            Assert.Equal(expected, log.SelectMany(entry => entry.Ids.Select(id => (entry.Choice, id))));
            Assert.Equal(lengths.Length, log.Count(entry => entry.End is not null));
            Assert.Equal(log.Select(entry => entry.FirstSeq), Firsts(log));
        }
    }

    /// <summary>Runs the choices at random paces, parked now and then, each time going on from the log.</summary>
    private static ImmutableArray<LogEntry> RunToTheEnd(int[] lengths, Random random)
    {
        ImmutableArray<LogEntry> log = [];
        while (true)
        {
            var generation = new RunningGeneration(new RunGeneration(Request(lengths.Length), log));
            int[] next = [.. generation.Choices.Select(choice => choice.LoggedTokens)];
            while (generation.Choices.Any(choice => choice.Last.End == SequenceEnd.None))
            {
                bool isParked = random.Next(15) == 0;
                foreach (RunningChoice choice in generation.Choices.Where(choice => choice.Last.End == SequenceEnd.None))
                {
                    if (isParked)
                    {
                        choice.Note(new SequenceUpdate(choice, TokenId: -1, next[choice.Index], SequenceEnd.Removed, KeptTokens: -1));
                    }
                    else if (next[choice.Index] == lengths[choice.Index])
                    {
                        choice.Note(new SequenceUpdate(choice, TokenId: -1, next[choice.Index], SequenceEnd.Length, next[choice.Index]));
                    }
                    else if (random.Next(2) == 0)
                    {
                        int index = next[choice.Index]++;
                        SequenceEnd end = next[choice.Index] == lengths[choice.Index] ? SequenceEnd.Length : SequenceEnd.None;
                        choice.Note(new SequenceUpdate(choice, IdOf(choice.Index, index), next[choice.Index], end, next[choice.Index]));
                    }
                }

                if (isParked || random.Next(3) == 0)
                {
                    log = log.AddRange(generation.TakeEntries());
                }
            }

            log = log.AddRange(generation.TakeEntries());
            if (generation.Choices.All(choice => choice.Last.End == SequenceEnd.Length))
            {
                return log;
            }
        }
    }

    private static int IdOf(int choice, int index) => (100 * choice) + index;

    private static IEnumerable<long> Firsts(ImmutableArray<LogEntry> log)
    {
        long first = 1;
        foreach (LogEntry entry in log)
        {
            yield return first;
            first += entry.Ids.Length;
        }
    }

    private static GenerationRequest Request(int choices) => new()
    {
        Id = GenerationId.New(),
        Caller = "test",
        Model = new ModelReference("test", "hash"),
        PromptIds = [1],
        Sampling = new SamplingSettings { Temperature = 0 },
        StopIds = [],
        Choices = choices,
        MaxTokens = 100,
        View = new ClientView { Dialect = "test", ModelName = "test" },
        CreatedAt = DateTimeOffset.UnixEpoch,
    };
}
