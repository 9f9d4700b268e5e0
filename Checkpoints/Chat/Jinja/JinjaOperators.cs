namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>Operators with two operands, by Python's rules.</summary>
internal static class JinjaOperators
{
    /// <exception cref="JinjaException">It does not work on these operands.</exception>
    public static object? Apply(string name, object? left, object? right, JinjaExecution execution) => name switch
    {
        "==" => JinjaValues.AreEqual(left, right),
        "!=" => !JinjaValues.AreEqual(left, right),
        "<" => JinjaValues.Compare(left, right) < 0,
        "<=" => JinjaValues.Compare(left, right) <= 0,
        ">" => JinjaValues.Compare(left, right) > 0,
        ">=" => JinjaValues.Compare(left, right) >= 0,
        "in" => JinjaValues.Contains(right, left),
        "not in" => !JinjaValues.Contains(right, left),
        "~" => Concatenate(JinjaValues.ToText(left), JinjaValues.ToText(right), execution),
        "+" when left is MarkedText a && right is MarkedText b => Concatenate(a, b, execution),
        "+" when left is List<object?> a && right is List<object?> b => new List<object?>([.. a, .. b]),
        _ when left is long a && right is long b => Compute(name, a, b),
        _ when JinjaValues.TryNumber(left, out double a) && JinjaValues.TryNumber(right, out double b) => Compute(name, a, b),
        _ => throw new JinjaException($"'{name}' does not work on {JinjaValues.NameOf(left)} and {JinjaValues.NameOf(right)}."),
    };

    private static MarkedText Concatenate(MarkedText left, MarkedText right, JinjaExecution execution) =>
        execution.Made(MarkedTextBuilder.Join([left, right], MarkedText.Empty));

    private static object Compute(string name, long left, long right)
    {
        if (right == 0 && name is "/" or "//" or "%")
        {
            throw new JinjaException("a division by zero.");
        }

        try
        {
            return name switch
            {
                "+" => (object)checked(left + right), // without the cast the branches would all become double
                "-" => checked(left - right),
                "*" => checked(left * right),
                "/" => (double)left / right,
                "//" => checked(left - Remainder(left, right)) / right,
                "%" => Remainder(left, right),
                _ => throw new JinjaException($"'{name}' does not work on whole numbers."),
            };
        }
        catch (OverflowException)
        {
            throw new JinjaException($"'{name}' leaves the range of whole numbers.");
        }
    }

    /// <summary>With the divisor's sign.</summary>
    private static long Remainder(long left, long right) => right == -1 ? 0 : ((left % right) + right) % right;

    private static double Compute(string name, double left, double right) => name switch
    {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "//" => Math.Floor(left / right),
        "%" => left - (right * Math.Floor(left / right)),
        _ => throw new JinjaException($"'{name}' does not work on numbers."),
    };
}
