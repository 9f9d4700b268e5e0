using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Scheduling;

/// <summary>Writes a plan into the model's input buffers.</summary>
internal static class BatchPacker
{
    public static void Pack(StepPlan plan, StepBatch batch, int blockTokens)
    {
        ReadOnlySpan<PlannedSequence> entries = plan.Entries;
        int tableWidth = 1;
        foreach (PlannedSequence entry in entries)
        {
            tableWidth = Math.Max(tableWidth, StepArithmetic.BlocksFor(entry.Sequence.CachedTokens + entry.NewTokens, blockTokens));
        }

        int tokens = 0;
        int rows = 0;
        batch.CumulativeLengths[0] = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            (Sequence sequence, int newTokens) = entries[i];
            foreach (int id in sequence.Ids.Slice(sequence.CachedTokens, newTokens))
            {
                batch.TokenIds[tokens++] = id;
            }

            batch.CumulativeLengths[i + 1] = tokens;
            batch.PastLengths[i] = sequence.CachedTokens;
            (batch.PrefixLengths[i], batch.MaskPositions[i]) = (sequence.Prefix.Tokens, sequence.Prefix.MaskPosition);
            PackTableRow(sequence.Blocks!.Blocks, batch.BlockTable.AsSpan(i * tableWidth, tableWidth));
            if (entries[i].Draws)
            {
                batch.LogitRows[rows++] = tokens - 1;
            }
        }

        batch.TokenCount = tokens;
        batch.SequenceCount = entries.Length;
        batch.LogitRowCount = rows;
        batch.TableWidth = tableWidth;
    }

    private static void PackTableRow(ReadOnlySpan<int> blocks, Span<int> row)
    {
        int used = Math.Min(blocks.Length, row.Length);
        blocks[..used].CopyTo(row);
        row[used..].Clear(); // not read, but always a valid block
    }
}
