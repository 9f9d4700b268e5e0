using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace GlmCluster.Bench;

/// <summary>Results as a Markdown page: what was measured on what, then a table.</summary>
public sealed class BenchReport
{
    private readonly StringBuilder _page = new();
    private bool _hasTable;

    /// <param name="title">One line.</param>
    /// <param name="facts">What a reader must know to compare: model, weights, threads, commit.</param>
    public BenchReport(string title, IEnumerable<(string Name, string Value)> facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        _page.Append(CultureInfo.InvariantCulture, $"# {title}\n\n");
        foreach ((string name, string value) in facts.Concat(Machine()))
        {
            _page.Append(CultureInfo.InvariantCulture, $"- {name}: {value}\n");
        }
    }

    /// <summary>Begins another table.</summary>
    /// <param name="columns">The first is text, the others are numbers.</param>
    public void AddTable(params ReadOnlySpan<string> columns)
    {
        _hasTable = true;
        _page.Append('\n');
        AddRow(columns);
        _page.Append("|---|").Append(string.Concat(Enumerable.Repeat("---:|", columns.Length - 1))).Append('\n');
    }

    /// <summary>Adds a row to the table begun last.</summary>
    public void AddRow(params ReadOnlySpan<string> cells) => _page.Append("| ").AppendJoin(" | ", cells).Append(" |\n");

    /// <summary>Adds a row to the table of single values.</summary>
    public void Add(string what, double value, string unit, string format = "N1")
    {
        if (!_hasTable)
        {
            AddTable("what", "value", "unit");
        }

        string number = double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "not measured";
        AddRow(what, number, unit);
    }

    public override string ToString() => _page.ToString();

    private static IEnumerable<(string, string)> Machine()
    {
        yield return ("processor", $"{ProcessorName()}, {Environment.ProcessorCount} usable cores");
        yield return ("system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}");
    }

    private static string ProcessorName()
    {
        const string LinuxFile = "/proc/cpuinfo";
        string? line = File.Exists(LinuxFile)
            ? File.ReadLines(LinuxFile).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
