using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.TestKit;

/// <summary>One generation of a <see cref="ScriptedWorker"/>: goes on from what is logged, one id for each choice that goes on and step.</summary>
internal sealed class ScriptedSequence
{
    private readonly GenerationRequest _request;
    private readonly ScriptedChoice[] _choices;
    private int _logged;

    /// <param name="run">The command.</param>
    /// <param name="answer">The whole answer of each choice.</param>
    public ScriptedSequence(RunGeneration run, Func<int, IEnumerable<int>> answer)
    {
        _request = run.Request;
        _choices = [.. Enumerable.Range(0, run.Request.Choices).Select(choice => new ScriptedChoice(choice, run.Logged, answer(choice)))];
        _logged = run.Logged.Sum(entry => entry.Ids.Length);
    }

    /// <summary>What is logged beside an id, where it is asked for.</summary>
    public static TokenLogprob Logprob(int id) => new(id, -(id % 8) / 4f);

    /// <summary>Draws the next ids: entries for the step's frame, or the end that carries them.</summary>
    public (ImmutableArray<LogEntry> Entries, EndOfGeneration? End) Step()
    {
        var entries = ImmutableArray.CreateBuilder<LogEntry>();
        foreach (ScriptedChoice choice in _choices.Where(choice => choice.Reason is null))
        {
            try
            {
                if (choice.Next(_request) is { } id)
                {
                    entries.Add(ToEntry(choice, id));
                }
            }
            catch (InvalidOperationException failure)
            {
                return ([], End(EndReason.Failed, [], new GenerationFault(GenerationFaultCode.Internal, failure.Message)));
            }
        }

        return _choices.All(choice => choice.Reason is not null)
            ? ([], End(_choices[0].Reason!.Value, entries.ToImmutable()))
            : (entries.ToImmutable(), null);
    }

    /// <summary>The end record; the worker puts its incarnation in.</summary>
    public EndOfGeneration End(EndReason reason, ImmutableArray<LogEntry> entries, GenerationFault? fault = null)
    {
        var usage = new TokenUsage(_request.PromptIds.Length, _logged);
        return new EndOfGeneration(default, entries, _request.Id, new GenerationEnd(reason, usage, fault), _choices[0].KeptTokens);
    }

    private LogEntry ToEntry(ScriptedChoice choice, int id)
    {
        ChoiceEnd? end = choice.Reason is { } reason ? new ChoiceEnd(reason, choice.KeptTokens) : null;
        var entry = new LogEntry(_request.Id, ++_logged, choice.Index, [id], End: end);
        return _request.TopLogprobs is not { } tops ? entry : entry with
        {
            Logprobs = [Logprob(id).Logprob],
            TopLogprobs = [.. Enumerable.Range(id, tops).Select(Logprob)],
        };
    }
}

/// <summary>One choice of a scripted generation.</summary>
internal sealed class ScriptedChoice
{
    private readonly IEnumerator<int> _ids;
    private int _generated;

    public ScriptedChoice(int index, ImmutableArray<LogEntry> logged, IEnumerable<int> answer)
    {
        Index = index;
        LogEntry[] own = [.. logged.Where(entry => entry.Choice == index)];
        _generated = own.Sum(entry => entry.Ids.Length);
        _ids = answer.Skip(_generated).GetEnumerator();
        KeptTokens = _generated;
        if (own is [.., { End: { } end }])
        {
            (Reason, KeptTokens) = (end.Reason, end.KeptTokens);
        }
    }

    public int Index { get; }

    /// <summary>Null: it goes on.</summary>
    public EndReason? Reason { get; private set; }

    public int KeptTokens { get; private set; }

    /// <summary>The next id; null: there was none, and that was the end.</summary>
    public int? Next(GenerationRequest request)
    {
        if (!_ids.MoveNext())
        {
            Reason = EndReason.Stop;
            return null;
        }

        _generated++;
        bool isStop = request.StopIds.Contains(_ids.Current);
        KeptTokens = isStop ? _generated - 1 : _generated;
        Reason = isStop ? EndReason.Stop : _generated == request.MaxTokens ? EndReason.Length : null;
        return _ids.Current;
    }
}
