using System.Globalization;
using GlmCluster.Bench;

namespace GlmCluster.Cli.Chaos;

/// <summary>What a run saw. Thread-safe until it is written.</summary>
internal sealed class ChaosReport
{
    private const int MostExamples = 10;

    private readonly Lock _lock = new(); // guards all below
    private readonly SortedDictionary<string, int> _faults = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _answers = new(StringComparer.Ordinal);
    private readonly List<string> _problems = [];
    private Difference _difference;
    private int _checked;
    private int _failed;
    private int _returns;
    private long _tokens;

    /// <summary>Ids of all answers that clients got, with their tokens.</summary>
    public IReadOnlyDictionary<string, int> Answers => _answers;

    public bool IsClean => _difference == default && _problems.Count == 0;

    /// <summary>For the line that shows how it goes.</summary>
    public string Progress
    {
        get
        {
            lock (_lock)
            {
                string wrong = string.Create(
                    CultureInfo.InvariantCulture, $"lost {_difference.Lost}, repeated {_difference.Repeated}, changed {_difference.Changed}, failed {_failed}");
                return string.Create(CultureInfo.InvariantCulture, $"{_faults.Values.Sum()} faults, {_checked} answers, {_returns} returns; {wrong}");
            }
        }
    }

    public void NoteFault(string name)
    {
        lock (_lock)
        {
            _faults[name] = _faults.GetValueOrDefault(name) + 1;
        }
    }

    public void NoteProblem(string problem)
    {
        lock (_lock)
        {
            _problems.Add(problem);
        }
    }

    public void NoteReturns(int returns)
    {
        lock (_lock)
        {
            _returns += returns;
        }
    }

    /// <param name="answer">What a client got.</param>
    /// <param name="expected">What it had to get.</param>
    /// <param name="request">For whoever looks into a difference.</param>
    public void Note(Delivery answer, Delivery expected, string request)
    {
        Difference difference = answer.Error is null ? answer.Compare(expected) : default;
        lock (_lock)
        {
            _checked++;
            _tokens += answer.CompletionTokens;
            if (answer.Id is { } id && !_answers.TryAdd(id, answer.CompletionTokens))
            {
                _problems.Add($"Two requests got the answer {id}.");
            }

            _difference += difference;
            if (answer.Error is { } error)
            {
                _failed++;
                _problems.Add($"{answer.Id ?? "An answer"} failed: {error} Request: {request}");
            }
            else if (difference != default)
            {
                _problems.Add($"{answer.Id} differs: {difference}. Request: {request}");
            }
        }
    }

    /// <summary>The page, with the verdict first.</summary>
    public string Write(ChaosPlan plan, int usageFaults, int conversations, int brokenConversations)
    {
        var page = new BenchReport(
            "glm chaos",
            [
                ("version", ProgramVersion.Text),
                ("cluster", string.Create(CultureInfo.InvariantCulture, $"{plan.Gateways} gateways, {plan.Silos} silos, PostgreSQL; {plan.Clients} clients")),
                ("model", plan.Settings.ModelName),
                ("faults made for", string.Create(CultureInfo.InvariantCulture, $"{plan.Time.TotalMinutes:0.##} min, seed {plan.Seed}")),
            ]);
        page.Add("faults survived", _faults.Values.Sum(), "", "N0");
        page.Add("answers checked", _checked, "", "N0");
        page.Add("tokens checked", _tokens, "", "N0");
        page.Add("times a client went on elsewhere or asked again", _returns, "", "N0");
        page.Add("conversations checked", conversations, "", "N0");
        page.Add("tokens lost", _difference.Lost, "", "N0");
        page.Add("tokens repeated", _difference.Repeated, "", "N0");
        page.Add("tokens changed", _difference.Changed, "", "N0");
        page.Add("answers failed", _failed, "", "N0");
        page.Add("usage counted wrongly", usageFaults, "", "N0");
        page.Add("conversations broken", brokenConversations, "", "N0");
        page.AddTable("fault", "times");
        foreach ((string name, int times) in _faults)
        {
            page.AddRow(name, times.ToString(CultureInfo.InvariantCulture));
        }

        string problems = string.Concat(_problems.Take(MostExamples).Select(problem => $"- {problem}\n"));
        return _problems.Count == 0 ? page.ToString() : $"{page}\n{_problems.Count} problems:\n\n{problems}";
    }
}
