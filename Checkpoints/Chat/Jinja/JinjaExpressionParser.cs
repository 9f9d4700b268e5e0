using System.Globalization;

namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>Reads expressions; each method is one level of precedence, the loosest first.</summary>
internal sealed class JinjaExpressionParser(JinjaTokens tokens)
{
    private static readonly string[] Comparisons = ["==", "!=", "<=", ">=", "<", ">"];

    private int _nesting;

    /// <summary>Reads one expression, or several with commas between them as a list.</summary>
    public JinjaExpression ReadTuple()
    {
        JinjaExpression first = Read();
        if (!tokens.Current.Is(JinjaTokenKind.Operator, ","))
        {
            return first;
        }

        List<JinjaExpression> items = [first];
        while (tokens.TakeIf(JinjaTokenKind.Operator, ",") && !EndsTuple())
        {
            items.Add(Read());
        }

        return new ListExpression(first.Line, items);
    }

    public JinjaExpression Read()
    {
        if (++_nesting > JinjaParser.MostNesting)
        {
            throw JinjaException.At(tokens.Line, $"expressions are nested more than {JinjaParser.MostNesting} deep.");
        }

        JinjaExpression value = ReadWithoutCondition();
        while (tokens.TakeIf(JinjaTokenKind.Name, "if"))
        {
            JinjaExpression condition = ReadWithoutCondition();
            value = new ConditionalExpression(value.Line, condition, value, tokens.TakeIf(JinjaTokenKind.Name, "else") ? Read() : null);
        }

        _nesting--;
        return value;
    }

    /// <summary>Reads an expression after which <c>if</c> means something else.</summary>
    public JinjaExpression ReadWithoutCondition()
    {
        JinjaExpression left = ReadAnd();
        while (tokens.Current.Is(JinjaTokenKind.Name, "or"))
        {
            left = new LogicExpression(tokens.Take().Line, IsOr: true, left, ReadAnd());
        }

        return left;
    }

    private JinjaExpression ReadAnd()
    {
        JinjaExpression left = ReadNot();
        while (tokens.Current.Is(JinjaTokenKind.Name, "and"))
        {
            left = new LogicExpression(tokens.Take().Line, IsOr: false, left, ReadNot());
        }

        return left;
    }

    private JinjaExpression ReadNot()
    {
        int line = tokens.Line;
        int negations = 0;
        while (tokens.TakeIf(JinjaTokenKind.Name, "not"))
        {
            negations++;
        }

        JinjaExpression operand = ReadComparison();
        return negations == 0 ? operand : negations % 2 == 1 ? new NotExpression(line, operand) : new NotExpression(line, new NotExpression(line, operand));
    }

    private JinjaExpression ReadComparison()
    {
        JinjaExpression left = ReadSum();
        while (true)
        {
            JinjaToken token = tokens.Current;
            if (token.Kind == JinjaTokenKind.Operator && Comparisons.Contains(token.Text))
            {
                left = new OperatorExpression(tokens.Take().Line, token.Text, left, ReadSum());
            }
            else if (token.Is(JinjaTokenKind.Name, "in"))
            {
                left = new OperatorExpression(tokens.Take().Line, "in", left, ReadSum());
            }
            else if (token.Is(JinjaTokenKind.Name, "not") && tokens.Next.Is(JinjaTokenKind.Name, "in"))
            {
                tokens.Take();
                left = new OperatorExpression(tokens.Take().Line, "not in", left, ReadSum());
            }
            else
            {
                return left;
            }
        }
    }

    private JinjaExpression ReadSum() => ReadBinary(ReadConcatenation, "+", "-");

    private JinjaExpression ReadConcatenation() => ReadBinary(ReadProduct, "~");

    private JinjaExpression ReadProduct() => ReadBinary(ReadSigned, "*", "/", "//", "%");

    private JinjaExpression ReadBinary(Func<JinjaExpression> readOperand, params ReadOnlySpan<string> operators)
    {
        JinjaExpression left = readOperand();
        while (tokens.Current.Kind == JinjaTokenKind.Operator && operators.Contains(tokens.Current.Text))
        {
            JinjaToken sign = tokens.Take();
            left = new OperatorExpression(sign.Line, sign.Text, left, readOperand());
        }

        return left;
    }

    private JinjaExpression ReadSigned()
    {
        int line = tokens.Line;
        if (tokens.TakeIf(JinjaTokenKind.Operator, "-"))
        {
            return ReadFilters(new NegativeExpression(line, ReadPostfix(ReadPrimary())));
        }

        tokens.TakeIf(JinjaTokenKind.Operator, "+");
        return ReadFilters(ReadPostfix(ReadPrimary()));
    }

    private JinjaExpression ReadFilters(JinjaExpression subject)
    {
        while (true)
        {
            if (tokens.TakeIf(JinjaTokenKind.Operator, "|"))
            {
                subject = ReadFilter(subject);
            }
            else if (tokens.TakeIf(JinjaTokenKind.Name, "is"))
            {
                subject = ReadTest(subject);
            }
            else
            {
                return subject;
            }
        }
    }

    private FilterExpression ReadFilter(JinjaExpression subject)
    {
        JinjaToken name = tokens.ExpectName();
        JinjaFilter filter = JinjaFilters.Find(name.Text) ?? throw JinjaException.At(name.Line, $"the filter '{name.Text}' is not supported.");
        return new FilterExpression(name.Line, subject, filter, tokens.TakeIf(JinjaTokenKind.Operator, "(") ? ReadArguments() : ArgumentList.Empty);
    }

    private TestExpression ReadTest(JinjaExpression subject)
    {
        bool isNegated = tokens.TakeIf(JinjaTokenKind.Name, "not");
        JinjaToken name = tokens.ExpectName();
        JinjaTest test = JinjaTests.Find(name.Text) ?? throw JinjaException.At(name.Line, $"the test '{name.Text}' is not supported.");
        ArgumentList arguments = ArgumentList.Empty;
        if (tokens.TakeIf(JinjaTokenKind.Operator, "("))
        {
            arguments = ReadArguments();
        }
        else if (tokens.Current.Kind is JinjaTokenKind.Text or JinjaTokenKind.Integer or JinjaTokenKind.Float)
        {
            arguments = new ArgumentList([ReadPrimary()], []); // "is eq 3"
        }

        return new TestExpression(name.Line, subject, test, arguments, isNegated);
    }

    private JinjaExpression ReadPostfix(JinjaExpression target)
    {
        while (true)
        {
            int line = tokens.Line;
            if (tokens.TakeIf(JinjaTokenKind.Operator, "."))
            {
                JinjaToken member = tokens.Take();
                JinjaExpression key = member.Kind switch
                {
                    JinjaTokenKind.Name => new LiteralExpression(line, MarkedText.FromTemplate(member.Text)),
                    JinjaTokenKind.Integer => NumberOf(member),
                    _ => throw JinjaException.At(line, $"a member's name was expected, not {JinjaTokens.Describe(member)}."),
                };
                target = new MemberExpression(line, target, key, IsDotted: true);
            }
            else if (tokens.TakeIf(JinjaTokenKind.Operator, "["))
            {
                target = ReadItem(target, line);
            }
            else if (tokens.TakeIf(JinjaTokenKind.Operator, "("))
            {
                target = new CallExpression(line, target, ReadArguments());
            }
            else
            {
                return target;
            }
        }
    }

    private JinjaExpression ReadItem(JinjaExpression target, int line)
    {
        JinjaExpression? start = tokens.Current.Is(JinjaTokenKind.Operator, ":") ? null : Read();
        if (start is not null && tokens.TakeIf(JinjaTokenKind.Operator, "]"))
        {
            return new MemberExpression(line, target, start, IsDotted: false);
        }

        tokens.Expect(JinjaTokenKind.Operator, ":");
        JinjaExpression? stop = tokens.Current.Text is ":" or "]" ? null : Read();
        JinjaExpression? stride = tokens.TakeIf(JinjaTokenKind.Operator, ":") && !tokens.Current.Is(JinjaTokenKind.Operator, "]") ? Read() : null;
        tokens.Expect(JinjaTokenKind.Operator, "]");
        return new SliceExpression(line, target, start, stop, stride);
    }

    private ArgumentList ReadArguments()
    {
        var arguments = new ArgumentList([], []);
        while (!tokens.TakeIf(JinjaTokenKind.Operator, ")"))
        {
            if (tokens.Current.Kind == JinjaTokenKind.Name && tokens.Next.Is(JinjaTokenKind.Operator, "="))
            {
                string name = tokens.Take().Text;
                tokens.Take();
                JinjaExpression value = Read();
                arguments.Named.RemoveAll(argument => argument.Name == name);
                arguments.Named.Add((name, value));
            }
            else
            {
                arguments.Positional.Add(Read());
            }

            if (!tokens.Current.Is(JinjaTokenKind.Operator, ")"))
            {
                tokens.Expect(JinjaTokenKind.Operator, ",");
            }
        }

        return arguments;
    }

    private JinjaExpression ReadPrimary()
    {
        JinjaToken token = tokens.Take();
        switch (token.Kind)
        {
            case JinjaTokenKind.Text:
                string text = token.Text;
                while (tokens.Current.Kind == JinjaTokenKind.Text)
                {
                    text += tokens.Take().Text; // texts side by side are one
                }

                return new LiteralExpression(token.Line, MarkedText.FromTemplate(text));
            case JinjaTokenKind.Integer or JinjaTokenKind.Float:
                return NumberOf(token);
            case JinjaTokenKind.Name:
                return ReadName(token);
            case JinjaTokenKind.Operator when token.Text == "(":
                JinjaExpression inner = tokens.Current.Is(JinjaTokenKind.Operator, ")") ? new ListExpression(token.Line, []) : ReadTuple();
                tokens.Expect(JinjaTokenKind.Operator, ")");
                return inner;
            case JinjaTokenKind.Operator when token.Text == "[":
                return ReadList(token.Line);
            case JinjaTokenKind.Operator when token.Text == "{":
                return ReadMap(token.Line);
            default:
                throw JinjaException.At(token.Line, $"an expression was expected, not {JinjaTokens.Describe(token)}.");
        }
    }

    private static JinjaExpression ReadName(JinjaToken token) => token.Text switch
    {
        "true" or "True" => new LiteralExpression(token.Line, true),
        "false" or "False" => new LiteralExpression(token.Line, false),
        "none" or "None" => new LiteralExpression(token.Line, null),
        _ => new NameExpression(token.Line, token.Text),
    };

    private ListExpression ReadList(int line)
    {
        List<JinjaExpression> items = [];
        while (!tokens.TakeIf(JinjaTokenKind.Operator, "]"))
        {
            items.Add(Read());
            if (!tokens.Current.Is(JinjaTokenKind.Operator, "]"))
            {
                tokens.Expect(JinjaTokenKind.Operator, ",");
            }
        }

        return new ListExpression(line, items);
    }

    private MapExpression ReadMap(int line)
    {
        List<(JinjaExpression Key, JinjaExpression Value)> items = [];
        while (!tokens.TakeIf(JinjaTokenKind.Operator, "}"))
        {
            JinjaExpression key = Read();
            tokens.Expect(JinjaTokenKind.Operator, ":");
            items.Add((key, Read()));
            if (!tokens.Current.Is(JinjaTokenKind.Operator, "}"))
            {
                tokens.Expect(JinjaTokenKind.Operator, ",");
            }
        }

        return new MapExpression(line, items);
    }

    private bool EndsTuple() =>
        tokens.Current.Kind is JinjaTokenKind.StatementEnd or JinjaTokenKind.ExpressionEnd || tokens.Current.Is(JinjaTokenKind.Operator, ")");

    private static LiteralExpression NumberOf(JinjaToken token)
    {
        if (token.Kind == JinjaTokenKind.Float)
        {
            return new LiteralExpression(token.Line, double.Parse(token.Text, CultureInfo.InvariantCulture));
        }

        return long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? new LiteralExpression(token.Line, number)
            : throw JinjaException.At(token.Line, $"the number {token.Text} is too large.");
    }
}
