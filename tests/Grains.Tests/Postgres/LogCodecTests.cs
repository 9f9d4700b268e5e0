using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Postgres;

namespace GlmCluster.Grains.Tests.Postgres;

public sealed class LogCodecTests
{
    private static readonly GenerationId Id = GenerationId.Parse("00112233445566778899aabb");

    [Fact]
    public void Decode_WhatWasEncoded_IsTheSame()
    {
        ImmutableArray<LogEntry> entries =
        [
            new(Id, 1, 0, [0, 127, 128, 151_336]),
            new(GenerationId.New(), 1L << 40, 3, [int.MaxValue], [-0.5f], new ChoiceEnd(EndReason.Stop, 12)),
        ];

        List<LogEntry> decoded = LogCodec.Decode(LogCodec.Encode(entries));

        Assert.Equal(entries.Select(Parts), decoded.Select(Parts));
        Assert.Equal(entries[1].Ids, decoded[1].Ids);
        Assert.Equal([-0.5f], decoded[1].Logprobs.ToArray());
    }

    /// <summary>A frame as version 1 wrote it; never edited.</summary>
    [Fact]
    public void Decode_Version1_IsRead()
    {
        byte[] stored = Convert.FromHexString("0100112233445566778899AABB050002C801A89E0900");

        LogEntry entry = Assert.Single(LogCodec.Decode(stored));

        Assert.Equal((Id, 5L, 0), (entry.Generation, entry.FirstSeq, entry.Choice));
        Assert.Equal([200, 151_336], entry.Ids.ToArray());
    }

    [Fact]
    public void Decode_AnyCut_IsRefused()
    {
        byte[] whole = LogCodec.Encode([new LogEntry(Id, 1, 0, [300, 400], End: new ChoiceEnd(EndReason.Length, 2))]);

        // A cut right behind the version byte is an empty list.
        Assert.All(Enumerable.Range(2, whole.Length - 2), length => Assert.Throws<InvalidDataException>(() => LogCodec.Decode(whole.AsSpan(0, length))));
        Assert.Throws<InvalidDataException>(() => LogCodec.Decode([9, .. whole[1..]]));
    }

    private static (GenerationId, long, int, int, ChoiceEnd?) Parts(LogEntry entry) =>
        (entry.Generation, entry.FirstSeq, entry.Choice, entry.Ids.Length, entry.End);
}
