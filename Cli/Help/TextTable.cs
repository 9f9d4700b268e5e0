namespace GlmCluster.Cli.Help;

/// <summary>Columns for people.</summary>
internal static class TextTable
{
    private const string Gap = "  ";

    /// <summary>Lines whose cells stand under one another; the first column to the left, the others to the right.</summary>
    public static IEnumerable<string> Format(IReadOnlyList<IReadOnlyList<string>> rows)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Count).Select(column => rows.Max(row => row[column].Length))];
        return rows.Select(row => string.Join(Gap, row.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column]))));
    }
}
