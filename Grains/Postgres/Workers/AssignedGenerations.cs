using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Logs;
using GlmCluster.Grains.Postgres.Live;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Grains.Postgres.Workers;

/// <summary>What one incarnation runs, with the logs that the live path reads. Thread-safe, but entries have one writer at a time.</summary>
internal sealed class AssignedGenerations(IncarnationId incarnation, LiveFeed feed, ILogger logger)
{
    private readonly Lock _lock = new(); // guards _assigned
    private readonly Dictionary<GenerationId, AssignedGeneration> _assigned = [];

    public AssignedGeneration? Find(GenerationId id)
    {
        lock (_lock)
        {
            return _assigned.GetValueOrDefault(id);
        }
    }

    public void Add(AssignedGeneration generation)
    {
        lock (_lock)
        {
            _assigned[generation.Request.Id] = generation;
        }

        feed.Add(generation.Request.Id, generation.Log);
    }

    public void Remove(GenerationId id)
    {
        lock (_lock)
        {
            _assigned.Remove(id);
        }

        feed.Remove(id);
    }

    public void Clear()
    {
        GenerationId[] left;
        lock (_lock)
        {
            left = [.. _assigned.Keys];
        }

        Array.ForEach(left, Remove);
    }

    /// <returns>Why the entries cannot follow their logs; null: they can.</returns>
    public string? Check(ImmutableArray<LogEntry> entries)
    {
        string? fault = null;
        foreach (LogEntry entry in entries)
        {
            fault ??= CheckAndStage(entry);
        }

        foreach (LogEntry entry in entries)
        {
            if (Find(entry.Generation) is { } generation)
            {
                generation.StagedTokens = 0;
            }
        }

        return fault;
    }

    private string? CheckAndStage(LogEntry entry)
    {
        if (Find(entry.Generation) is not { } generation)
        {
            return $"generation {entry.Generation} is not this worker's";
        }

        long next = generation.Log.Count + generation.StagedTokens + 1L;
        if (EntryCheck.FindFault(entry, generation.Request, next) is { } fault)
        {
            return fault;
        }

        if (!generation.Log.Agrees(entry))
        {
            logger.RepeatDiffers(incarnation, entry.Generation, entry.FirstSeq);
            return $"its tokens of generation {entry.Generation} differ from the log";
        }

        generation.StagedTokens += (int)Math.Max(0, entry.FirstSeq + entry.Ids.Length - next);
        return null;
    }

    /// <returns>Generations that grew, each once.</returns>
    public List<AssignedGeneration> Append(ImmutableArray<LogEntry> entries)
    {
        var grown = new List<AssignedGeneration>();
        var nobody = new ReaderWaker();
        foreach (LogEntry entry in entries)
        {
            AssignedGeneration generation = Find(entry.Generation)!;
            generation.Log.Append(entry, nobody); // the live path has a signal of its own
            if (!grown.Contains(generation))
            {
                grown.Add(generation);
            }
        }

        return grown;
    }

    /// <summary>Logs where entries that come again differ from what is written.</summary>
    public void ReportDifferences(ImmutableArray<LogEntry> entries)
    {
        foreach (LogEntry entry in entries)
        {
            if (Find(entry.Generation) is { } generation && !generation.Log.Agrees(entry))
            {
                logger.RepeatDiffers(incarnation, entry.Generation, entry.FirstSeq);
            }
        }
    }
}
