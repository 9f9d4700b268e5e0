namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>The arguments of one call of a function, filter, test or macro.</summary>
/// <param name="execution">The run that the call is part of.</param>
/// <param name="positional">In order; a filter's or test's subject is not among them.</param>
/// <param name="named">By name.</param>
internal sealed class JinjaArguments(JinjaExecution execution, List<object?> positional, Dictionary<string, object?> named)
{
    public JinjaExecution Execution { get; } = execution;

    public List<object?> Positional { get; } = positional;

    public Dictionary<string, object?> Named { get; } = named;

    public int Count => Positional.Count + Named.Count;

    /// <summary>An argument by place or by name; undefined where it was not given.</summary>
    public object? Get(int index, string name) =>
        index < Positional.Count ? Positional[index] : Named.GetValueOrDefault(name, JinjaValues.Undefined);

    /// <exception cref="JinjaException">It is not given, or no text.</exception>
    public MarkedText Text(int index, string name) =>
        Get(index, name) as MarkedText ?? throw new JinjaException($"'{name}' must be a text, not {JinjaValues.NameOf(Get(index, name))}.");

    public string? TextOrNull(int index, string name) => Get(index, name) is null || JinjaValues.IsUndefined(Get(index, name)) ? null : Text(index, name).Text;

    /// <exception cref="JinjaException">It is given, and no whole number.</exception>
    public int Integer(int index, string name, int otherwise) => Get(index, name) switch
    {
        long number when number is >= int.MinValue and <= int.MaxValue => (int)number,
        object value when JinjaValues.IsUndefined(value) => otherwise,
        null => otherwise,
        object value => throw new JinjaException($"'{name}' must be a whole number, not {JinjaValues.NameOf(value)}."),
    };
}
