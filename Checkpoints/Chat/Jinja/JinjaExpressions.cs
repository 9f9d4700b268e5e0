namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>Something with a value.</summary>
/// <param name="Line">Where it stands, for messages.</param>
internal abstract record JinjaExpression(int Line)
{
    public object? Evaluate(JinjaScope scope)
    {
        scope.Execution.Step();
        scope.Execution.Enter();
        try
        {
            object? value = Compute(scope);
            scope.Execution.Leave();
            return value;
        }
        catch (JinjaException problem) when (!problem.Message.StartsWith("line ", StringComparison.Ordinal))
        {
            throw JinjaException.At(Line, problem.Message);
        }
    }

    protected abstract object? Compute(JinjaScope scope);
}

internal sealed record LiteralExpression(int Line, object? Value) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope) => Value;
}

internal sealed record NameExpression(int Line, string Name) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope) => scope.Get(Name);
}

internal sealed record ListExpression(int Line, List<JinjaExpression> Items) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope) => Items.ConvertAll(item => item.Evaluate(scope));
}

internal sealed record MapExpression(int Line, List<(JinjaExpression Key, JinjaExpression Value)> Items) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope)
    {
        var map = new JinjaMap();
        foreach ((JinjaExpression key, JinjaExpression value) in Items)
        {
            map.Set(key.Evaluate(scope) as MarkedText ?? throw new JinjaException("a mapping's keys must be texts."), value.Evaluate(scope));
        }

        return map;
    }
}

internal sealed record ConditionalExpression(int Line, JinjaExpression Condition, JinjaExpression Then, JinjaExpression? Otherwise) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope) =>
        JinjaValues.IsTrue(Condition.Evaluate(scope)) ? Then.Evaluate(scope) : Otherwise is null ? JinjaValues.Undefined : Otherwise.Evaluate(scope);
}

internal sealed record NotExpression(int Line, JinjaExpression Operand) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope) => !JinjaValues.IsTrue(Operand.Evaluate(scope));
}

/// <summary><c>and</c>, <c>or</c>: the value of the operand that decided.</summary>
internal sealed record LogicExpression(int Line, bool IsOr, JinjaExpression Left, JinjaExpression Right) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope)
    {
        object? left = Left.Evaluate(scope);
        return JinjaValues.IsTrue(left) == IsOr ? left : Right.Evaluate(scope);
    }
}

/// <summary>A comparison, an arithmetic operator or <c>~</c>.</summary>
internal sealed record OperatorExpression(int Line, string Operator, JinjaExpression Left, JinjaExpression Right) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope) =>
        JinjaOperators.Apply(Operator, Left.Evaluate(scope), Right.Evaluate(scope), scope.Execution);
}

internal sealed record NegativeExpression(int Line, JinjaExpression Operand) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope) =>
        JinjaOperators.Apply("-", 0L, Operand.Evaluate(scope), scope.Execution);
}

/// <summary><c>a.b</c>, <c>a[b]</c>: a member, an item, or a method of a text, list or mapping.</summary>
internal sealed record MemberExpression(int Line, JinjaExpression Target, JinjaExpression Key, bool IsDotted) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope)
    {
        object? target = Target.Evaluate(scope);
        object? key = Key.Evaluate(scope);
        switch (target, key)
        {
            // A mapping's own keys come after its methods where a dot is written, as in Python.
            case (_, MarkedText name) when IsDotted && JinjaMethods.Find(target, name.Text) is { } method:
                return method;
            case (JinjaMap map, MarkedText name):
                map.TryGet(name.Text, out object? value);
                return value;
            case (List<object?> list, long index):
                return IndexOf(index, list.Count) is int at ? list[at] : JinjaValues.Undefined;
            case (MarkedText text, long index):
                return IndexOf(index, text.Length) is int place ? text.Slice(place, 1) : JinjaValues.Undefined;
            case (null, _) or (JinjaFunction, _):
                return JinjaValues.Undefined;
            default:
                return JinjaValues.IsUndefined(target)
                    ? throw new JinjaException($"{Describe()} is not defined, so it has no member '{JinjaValues.ToText(key)}'.")
                    : JinjaValues.Undefined;
        }
    }

    private static int? IndexOf(long index, int count)
    {
        long at = index < 0 ? index + count : index;
        return at >= 0 && at < count ? (int)at : null;
    }

    private string Describe() => Target switch
    {
        NameExpression name => $"'{name.Name}'",
        MemberExpression { Key: LiteralExpression { Value: MarkedText key } } => $"'{key}'",
        _ => "the value",
    };
}

/// <summary><c>a[start:stop:step]</c>.</summary>
internal sealed record SliceExpression(int Line, JinjaExpression Target, JinjaExpression? Start, JinjaExpression? Stop, JinjaExpression? Stride)
    : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope)
    {
        object? target = Target.Evaluate(scope);
        List<object?> items = target is List<object?> or MarkedText
            ? JinjaValues.ToList(target)
            : throw new JinjaException($"{JinjaValues.NameOf(target)} has no slices.");
        int stride = Number(Stride, scope) ?? 1;
        if (stride == 0)
        {
            throw new JinjaException("a slice's step must not be 0.");
        }

        List<object?> slice = [];
        int first = Clamp(Number(Start, scope), stride > 0 ? 0 : items.Count - 1, items.Count, stride);
        int end = Clamp(Number(Stop, scope), stride > 0 ? items.Count : -1, items.Count, stride);
        for (long i = first; stride > 0 ? i < end : i > end; i += stride)
        {
            slice.Add(items[(int)i]);
        }

        return target is MarkedText ? MarkedTextBuilder.Join(slice.Cast<MarkedText>(), MarkedText.Empty) : slice;
    }

    private static int? Number(JinjaExpression? expression, JinjaScope scope) => expression?.Evaluate(scope) switch
    {
        null => null,
        long number => (int)Math.Clamp(number, int.MinValue / 2, int.MaxValue / 2),
        object other => throw new JinjaException($"a slice's limits must be whole numbers, not {JinjaValues.NameOf(other)}."),
    };

    private static int Clamp(int? limit, int otherwise, int count, int stride)
    {
        int at = limit is not int given ? otherwise : given < 0 ? given + count : given;
        return limit is null ? at : Math.Clamp(at, stride > 0 ? 0 : -1, stride > 0 ? count : count - 1);
    }
}

/// <summary>A call's arguments as written.</summary>
internal sealed record ArgumentList(List<JinjaExpression> Positional, List<(string Name, JinjaExpression Value)> Named)
{
    public static readonly ArgumentList Empty = new([], []);

    public JinjaArguments Evaluate(JinjaScope scope) => new(
        scope.Execution,
        Positional.ConvertAll(argument => argument.Evaluate(scope)),
        Named.ToDictionary(argument => argument.Name, argument => argument.Value.Evaluate(scope), StringComparer.Ordinal));
}

internal sealed record CallExpression(int Line, JinjaExpression Target, ArgumentList Arguments) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope) => Target.Evaluate(scope) is JinjaFunction function
        ? function(Arguments.Evaluate(scope))
        : throw new JinjaException(Target switch
        {
            NameExpression name => $"the function '{name.Name}' is not known.",
            MemberExpression { Key: LiteralExpression { Value: MarkedText key } } => $"the method '{key}' is not known.",
            _ => "this value cannot be called.",
        });
}

internal sealed record FilterExpression(int Line, JinjaExpression Subject, JinjaFilter Filter, ArgumentList Arguments) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope) => Filter(Subject.Evaluate(scope), Arguments.Evaluate(scope));
}

internal sealed record TestExpression(int Line, JinjaExpression Subject, JinjaTest Test, ArgumentList Arguments, bool IsNegated) : JinjaExpression(Line)
{
    protected override object? Compute(JinjaScope scope) => Test(Subject.Evaluate(scope), Arguments.Evaluate(scope)) != IsNegated;
}
