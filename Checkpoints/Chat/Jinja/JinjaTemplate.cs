namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>
/// A chat template in the part of Jinja that such templates use: a sandbox without files, attributes of objects or changes to its data.
/// Immutable and thread-safe.
/// </summary>
/// <remarks>Language: Jinja 3 template designer documentation; additions: Hugging Face transformers, <c>chat_template_utils.py</c>.</remarks>
internal sealed class JinjaTemplate
{
    /// <summary>Far more than a chat of thousands of messages takes.</summary>
    private const int MostSteps = 5_000_000;

    private const int MostSourceCharacters = 1 << 20;

    private const long MostRange = 100_000;

    private readonly JinjaStatement _body;

    private JinjaTemplate(JinjaStatement body) => _body = body;

    /// <exception cref="JinjaException">The template uses what is not supported, or is broken; names the construct and its line.</exception>
    public static JinjaTemplate Parse(string source)
    {
        if (source.Length > MostSourceCharacters)
        {
            throw new JinjaException($"the template has {source.Length:N0} characters; the limit is {MostSourceCharacters:N0}.");
        }

        return new JinjaTemplate(JinjaParser.Read(source));
    }

    /// <summary>Runs the template.</summary>
    /// <param name="names">What it may refer to.</param>
    /// <param name="steps">Evaluations that it may take.</param>
    /// <exception cref="JinjaException">It failed, raised an exception of its own, or went over a limit.</exception>
    public MarkedText Render(IReadOnlyDictionary<string, object?> names, int steps = MostSteps)
    {
        var execution = new JinjaExecution(steps);
        var scope = new JinjaScope(execution, null);
        scope.Set("range", (JinjaFunction)Range);
        scope.Set("namespace", (JinjaFunction)MapOf);
        scope.Set("dict", (JinjaFunction)MapOf);
        scope.Set("raise_exception", (JinjaFunction)(arguments => throw new JinjaRaisedException(arguments.Text(0, "message").Text)));
        foreach ((string name, object? value) in names)
        {
            scope.Set(name, value);
        }

        var output = new MarkedTextBuilder();
        _body.Run(scope, output);
        return output.Build();
    }

    private static JinjaMap MapOf(JinjaArguments arguments)
    {
        var map = new JinjaMap();
        foreach ((string name, object? value) in arguments.Named)
        {
            map[name] = value;
        }

        return map;
    }

    private static List<object?> Range(JinjaArguments arguments)
    {
        long[] limits = [.. Enumerable.Range(0, arguments.Positional.Count).Select(i => (long)arguments.Integer(i, "limit", 0))];
        (long start, long stop, long step) = limits switch
        {
            [var end] => (0, end, 1),
            [var first, var end] => (first, end, 1),
            [var first, var end, var stride] when stride != 0 => (first, end, stride),
            _ => throw new JinjaException("'range' takes one to three numbers, the last not 0."),
        };
        long count = Math.Max(0, (stop - start + step - Math.Sign(step)) / step);
        return count <= MostRange
            ? Enumerable.Range(0, (int)count).Select(i => (object?)(start + (i * step))).ToList()
            : throw new JinjaException($"'range' has {count:N0} numbers; the limit is {MostRange:N0}.");
    }
}

/// <summary>The template refused the messages, in its own words.</summary>
internal sealed class JinjaRaisedException(string message) : Exception(message);
