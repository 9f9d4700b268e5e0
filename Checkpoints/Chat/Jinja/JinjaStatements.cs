namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>Something that prints or changes names.</summary>
internal abstract record JinjaStatement(int Line)
{
    public abstract JinjaFlow Run(JinjaScope scope, MarkedTextBuilder output);
}

/// <summary>How a statement ended.</summary>
internal enum JinjaFlow
{
    Next,
    Break,
    Continue,
}

internal sealed record OutputStatement(int Line, MarkedText Text) : JinjaStatement(Line)
{
    public override JinjaFlow Run(JinjaScope scope, MarkedTextBuilder output)
    {
        output.Append(scope.Execution.Made(Text));
        return JinjaFlow.Next;
    }
}

internal sealed record PrintStatement(int Line, JinjaExpression Value) : JinjaStatement(Line)
{
    public override JinjaFlow Run(JinjaScope scope, MarkedTextBuilder output)
    {
        output.Append(scope.Execution.Made(JinjaValues.ToText(Value.Evaluate(scope))));
        return JinjaFlow.Next;
    }
}

internal sealed record BlockStatement(int Line, List<JinjaStatement> Statements) : JinjaStatement(Line)
{
    public override JinjaFlow Run(JinjaScope scope, MarkedTextBuilder output)
    {
        scope.Execution.Enter();
        foreach (JinjaStatement statement in Statements)
        {
            scope.Execution.Step();
            JinjaFlow flow = statement.Run(scope, output);
            if (flow != JinjaFlow.Next)
            {
                scope.Execution.Leave();
                return flow;
            }
        }

        scope.Execution.Leave();
        return JinjaFlow.Next;
    }
}

internal sealed record IfStatement(int Line, JinjaExpression Condition, JinjaStatement Then, JinjaStatement? Otherwise) : JinjaStatement(Line)
{
    public override JinjaFlow Run(JinjaScope scope, MarkedTextBuilder output) =>
        JinjaValues.IsTrue(Condition.Evaluate(scope)) ? Then.Run(scope, output) : Otherwise?.Run(scope, output) ?? JinjaFlow.Next;
}

/// <summary>Where values go: names, or a member of a namespace.</summary>
/// <param name="Names">One name, or several for a value that is taken apart.</param>
/// <param name="Member">Of the one name; null: the name itself.</param>
internal sealed record AssignmentTarget(List<string> Names, string? Member)
{
    public void Assign(JinjaScope scope, object? value)
    {
        if (Member is not null)
        {
            JinjaMap space = scope.Get(Names[0]) as JinjaMap ?? throw new JinjaException($"'{Names[0]}' is no namespace.");
            space[Member] = value;
        }
        else if (Names.Count == 1)
        {
            scope.Set(Names[0], value);
        }
        else
        {
            AssignParts(scope, JinjaValues.ToList(value));
        }
    }

    private void AssignParts(JinjaScope scope, List<object?> parts)
    {
        if (parts.Count != Names.Count)
        {
            throw new JinjaException($"{parts.Count} values cannot be given to {Names.Count} names.");
        }

        for (int i = 0; i < parts.Count; i++)
        {
            scope.Set(Names[i], parts[i]);
        }
    }
}

internal sealed record SetStatement(int Line, AssignmentTarget Target, JinjaExpression Value) : JinjaStatement(Line)
{
    public override JinjaFlow Run(JinjaScope scope, MarkedTextBuilder output)
    {
        Target.Assign(scope, Value.Evaluate(scope));
        return JinjaFlow.Next;
    }
}

/// <summary><c>{% set name %}…{% endset %}</c>: what the body prints.</summary>
internal sealed record CaptureStatement(int Line, AssignmentTarget Target, JinjaStatement Body) : JinjaStatement(Line)
{
    public override JinjaFlow Run(JinjaScope scope, MarkedTextBuilder output)
    {
        var captured = new MarkedTextBuilder();
        JinjaFlow flow = Body.Run(new JinjaScope(scope.Execution, scope), captured);
        Target.Assign(scope, captured.Build());
        return flow;
    }
}

internal sealed record FlowStatement(int Line, JinjaFlow Flow) : JinjaStatement(Line)
{
    public override JinjaFlow Run(JinjaScope scope, MarkedTextBuilder output) => Flow;
}

internal sealed record ForStatement(
    int Line, AssignmentTarget Target, JinjaExpression Items, JinjaExpression? Filter, JinjaStatement Body, JinjaStatement? Otherwise)
    : JinjaStatement(Line)
{
    public override JinjaFlow Run(JinjaScope scope, MarkedTextBuilder output)
    {
        List<object?> items = JinjaValues.ToList(Items.Evaluate(scope));
        if (Filter is not null)
        {
            items = items.FindAll(item =>
            {
                var inner = new JinjaScope(scope.Execution, scope);
                Target.Assign(inner, item);
                return JinjaValues.IsTrue(Filter.Evaluate(inner));
            });
        }

        if (items.Count == 0)
        {
            return Otherwise?.Run(scope, output) ?? JinjaFlow.Next;
        }

        for (int i = 0; i < items.Count; i++)
        {
            scope.Execution.Step();
            var inner = new JinjaScope(scope.Execution, scope);
            Target.Assign(inner, items[i]);
            inner.Set("loop", LoopOf(items, i));
            if (Body.Run(inner, output) == JinjaFlow.Break)
            {
                break;
            }
        }

        return JinjaFlow.Next;
    }

    private static JinjaMap LoopOf(List<object?> items, int index) => new()
    {
        ["index0"] = (long)index,
        ["index"] = index + 1L,
        ["revindex0"] = items.Count - index - 1L,
        ["revindex"] = (long)(items.Count - index),
        ["first"] = index == 0,
        ["last"] = index == items.Count - 1,
        ["length"] = (long)items.Count,
        ["previtem"] = index > 0 ? items[index - 1] : JinjaValues.Undefined,
        ["nextitem"] = index < items.Count - 1 ? items[index + 1] : JinjaValues.Undefined,
    };
}

/// <summary>A macro: a function whose value is what its body prints.</summary>
internal sealed record MacroStatement(int Line, string Name, List<(string Name, JinjaExpression? Default)> Parameters, JinjaStatement Body)
    : JinjaStatement(Line)
{
    public override JinjaFlow Run(JinjaScope scope, MarkedTextBuilder output)
    {
        scope.Set(Name, (JinjaFunction)(arguments => Call(scope, arguments)));
        return JinjaFlow.Next;
    }

    private MarkedText Call(JinjaScope definedIn, JinjaArguments arguments)
    {
        string? unknown = arguments.Named.Keys.FirstOrDefault(name => !Parameters.Exists(parameter => parameter.Name == name));
        if (unknown is not null || arguments.Positional.Count > Parameters.Count)
        {
            throw new JinjaException($"macro '{Name}' has no argument {(unknown is null ? Parameters.Count + 1 : $"'{unknown}'")}.");
        }

        var inner = new JinjaScope(arguments.Execution, definedIn);
        for (int i = 0; i < Parameters.Count; i++)
        {
            (string name, JinjaExpression? otherwise) = Parameters[i];
            object? given = arguments.Get(i, name);
            inner.Set(name, JinjaValues.IsUndefined(given) && otherwise is not null ? otherwise.Evaluate(inner) : given);
        }

        var printed = new MarkedTextBuilder();
        Body.Run(inner, printed);
        return printed.Build();
    }
}
