namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>Reads statements.</summary>
internal sealed class JinjaParser
{
    /// <summary>Blocks and expressions inside each other; a published template has about ten.</summary>
    public const int MostNesting = 100;

    private readonly JinjaTokens _tokens;
    private readonly JinjaExpressionParser _expressions;
    private int _nesting;

    private JinjaParser(string source)
    {
        _tokens = new JinjaTokens(JinjaLexer.Read(source));
        _expressions = new JinjaExpressionParser(_tokens);
    }

    /// <exception cref="JinjaException">The template uses what is not supported, or is broken.</exception>
    public static JinjaStatement Read(string source)
    {
        var parser = new JinjaParser(source);
        JinjaStatement template = parser.ReadBody(out string? end);
        return end is null ? template : throw JinjaException.At(parser._tokens.Line, $"'{end}' closes nothing.");
    }

    /// <summary>Reads up to a statement that closes or continues the one around it.</summary>
    /// <param name="end">Its name, already read; null: the end of the template.</param>
    private BlockStatement ReadBody(out string? end)
    {
        if (++_nesting > MostNesting)
        {
            throw JinjaException.At(_tokens.Line, $"blocks are nested more than {MostNesting} deep.");
        }

        var body = new BlockStatement(_tokens.Line, []);
        end = null;
        while (end is null && _tokens.Current.Kind != JinjaTokenKind.End)
        {
            JinjaToken token = _tokens.Take();
            switch (token.Kind)
            {
                case JinjaTokenKind.Output:
                    body.Statements.Add(new OutputStatement(token.Line, MarkedText.FromTemplate(token.Text)));
                    break;
                case JinjaTokenKind.ExpressionStart:
                    body.Statements.Add(new PrintStatement(token.Line, _expressions.ReadTuple()));
                    _tokens.Expect(JinjaTokenKind.ExpressionEnd, "}}");
                    break;
                default:
                    end = ReadStatement(body.Statements);
                    break;
            }
        }

        _nesting--;
        return body;
    }

    /// <returns>The name of a statement that ends a body; else null.</returns>
    private string? ReadStatement(List<JinjaStatement> body)
    {
        JinjaToken name = _tokens.ExpectName();
        switch (name.Text)
        {
            case "elif" or "else" or "endif" or "endfor" or "endmacro" or "endset" or "endgeneration":
                return name.Text;
            case "if":
                body.Add(ReadIf(name.Line));
                return null;
            case "for":
                body.Add(ReadFor(name.Line));
                return null;
            case "set":
                body.Add(ReadSet(name.Line));
                return null;
            case "macro":
                body.Add(ReadMacro(name.Line));
                return null;
            case "break" or "continue":
                body.Add(new FlowStatement(name.Line, name.Text == "break" ? JinjaFlow.Break : JinjaFlow.Continue));
                break;
            case "generation": // marks what was generated, for training
                EndTag();
                body.Add(ReadBody(name.Line, "endgeneration"));
                return null;
            default:
                throw JinjaException.At(name.Line, $"the statement '{name.Text}' is not supported.");
        }

        EndTag();
        return null;
    }

    private IfStatement ReadIf(int line)
    {
        JinjaExpression condition = _expressions.Read();
        EndTag();
        JinjaStatement then = ReadBody(out string? end);
        switch (end)
        {
            case "elif":
                if (++_nesting > MostNesting)
                {
                    throw JinjaException.At(line, $"more than {MostNesting} branches.");
                }

                IfStatement otherwise = ReadIf(_tokens.Line);
                _nesting--;
                return new IfStatement(line, condition, then, otherwise);
            case "else":
                EndTag();
                return new IfStatement(line, condition, then, ReadBody(line, "endif"));
            case "endif":
                EndTag();
                return new IfStatement(line, condition, then, null);
            default:
                throw Unclosed(line, "if", end);
        }
    }

    private ForStatement ReadFor(int line)
    {
        AssignmentTarget target = ReadTarget(mayHaveMember: false);
        _tokens.ExpectKeyword("in");
        JinjaExpression items = _expressions.ReadWithoutCondition();
        JinjaExpression? filter = _tokens.TakeIf(JinjaTokenKind.Name, "if") ? _expressions.Read() : null;
        if (_tokens.Current.Is(JinjaTokenKind.Name, "recursive"))
        {
            throw JinjaException.At(line, "a recursive loop is not supported.");
        }

        EndTag();
        JinjaStatement body = ReadBody(out string? end);
        JinjaStatement? otherwise = null;
        if (end == "else")
        {
            EndTag();
            otherwise = ReadBody(out end);
        }

        if (end != "endfor")
        {
            throw Unclosed(line, "for", end);
        }

        EndTag();
        return new ForStatement(line, target, items, filter, body, otherwise);
    }

    private JinjaStatement ReadSet(int line)
    {
        AssignmentTarget target = ReadTarget(mayHaveMember: true);
        if (_tokens.TakeIf(JinjaTokenKind.Operator, "="))
        {
            JinjaExpression value = _expressions.ReadTuple();
            EndTag();
            return new SetStatement(line, target, value);
        }

        EndTag();
        return new CaptureStatement(line, target, ReadBody(line, "endset"));
    }

    private MacroStatement ReadMacro(int line)
    {
        string name = _tokens.ExpectName().Text;
        List<(string Name, JinjaExpression? Default)> parameters = [];
        _tokens.Expect(JinjaTokenKind.Operator, "(");
        while (!_tokens.TakeIf(JinjaTokenKind.Operator, ")"))
        {
            string parameter = _tokens.ExpectName().Text;
            parameters.Add((parameter, _tokens.TakeIf(JinjaTokenKind.Operator, "=") ? _expressions.Read() : null));
            if (!_tokens.TakeIf(JinjaTokenKind.Operator, ",") && !_tokens.Current.Is(JinjaTokenKind.Operator, ")"))
            {
                throw JinjaException.At(line, $"the arguments of macro '{name}' are not understood.");
            }
        }

        EndTag();
        return new MacroStatement(line, name, parameters, ReadBody(line, "endmacro"));
    }

    private AssignmentTarget ReadTarget(bool mayHaveMember)
    {
        bool isBracketed = _tokens.TakeIf(JinjaTokenKind.Operator, "(");
        List<string> names = [_tokens.ExpectName().Text];
        if (mayHaveMember && _tokens.TakeIf(JinjaTokenKind.Operator, "."))
        {
            return new AssignmentTarget(names, _tokens.ExpectName().Text);
        }

        while (_tokens.TakeIf(JinjaTokenKind.Operator, ","))
        {
            names.Add(_tokens.ExpectName().Text);
        }

        if (isBracketed)
        {
            _tokens.Expect(JinjaTokenKind.Operator, ")");
        }

        return new AssignmentTarget(names, null);
    }

    /// <summary>Reads a body and the tag that ends it.</summary>
    private BlockStatement ReadBody(int line, string closing)
    {
        BlockStatement body = ReadBody(out string? end);
        if (end != closing)
        {
            throw Unclosed(line, closing["end".Length..], end);
        }

        EndTag();
        return body;
    }

    private void EndTag() => _tokens.Expect(JinjaTokenKind.StatementEnd, "%}");

    private static JinjaException Unclosed(int line, string statement, string? end) =>
        JinjaException.At(line, end is null ? $"'{statement}' is not closed." : $"'{statement}' is closed by '{end}'.");
}
