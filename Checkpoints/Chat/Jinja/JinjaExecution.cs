namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>One run of a template and what it may still cost.</summary>
/// <remarks>A template comes from a model folder, which may be anyone's: it must neither loop for ever nor take all memory.</remarks>
internal sealed class JinjaExecution(int mostSteps)
{
    /// <summary>Characters that one run may make, intermediate texts included.</summary>
    private const long MostCharacters = 256L << 20;

    /// <summary>Nested expressions, blocks and macro calls; keeps a hostile template from taking the whole stack.</summary>
    private const int MostDepth = 400;

    private int _steps;
    private long _characters;
    private int _depth;

    /// <summary>Counts one evaluation of a node, or one round of a loop.</summary>
    public void Step()
    {
        if (++_steps > mostSteps)
        {
            throw new JinjaException($"the template takes more than {mostSteps:N0} steps; it may loop without end.");
        }
    }

    /// <summary>Counts what a text takes that was just made.</summary>
    public MarkedText Made(MarkedText text)
    {
        _characters += text.Length;
        return _characters <= MostCharacters
            ? text
            : throw new JinjaException($"the template makes more than {MostCharacters:N0} characters of text.");
    }

    public void Enter()
    {
        if (++_depth > MostDepth)
        {
            throw new JinjaException($"the template nests or recurses more than {MostDepth} deep.");
        }
    }

    public void Leave() => _depth--;
}

/// <summary>Names in force at one place: a loop or macro has its own, and sees those around it.</summary>
internal sealed class JinjaScope(JinjaExecution execution, JinjaScope? outer)
{
    private readonly Dictionary<string, object?> _names = new(StringComparer.Ordinal);

    public JinjaExecution Execution { get; } = execution;

    public void Set(string name, object? value) => _names[name] = value;

    public object? Get(string name)
    {
        for (JinjaScope? scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._names.TryGetValue(name, out object? value))
            {
                return value;
            }
        }

        return JinjaValues.Undefined;
    }

    private JinjaScope? Outer { get; } = outer;
}
