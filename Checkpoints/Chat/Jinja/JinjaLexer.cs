using System.Globalization;
using System.Text;

namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>Cuts a template into tokens, white space handled as chat templates expect: <c>trim_blocks</c> and <c>lstrip_blocks</c> on.</summary>
/// <remarks>Syntax: Jinja's template designer documentation; switches: Hugging Face transformers, <c>chat_template_utils.py</c>.</remarks>
internal sealed class JinjaLexer(string source)
{
    private static readonly string[] Operators =
        ["==", "!=", "<=", ">=", "//", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|"];

    private readonly List<JinjaToken> _tokens = [];
    private int _at;
    private int _line = 1;

    public static List<JinjaToken> Read(string source)
    {
        // One line feed at the very end does not count, and all ends of line are line feeds.
        string text = source.ReplaceLineEndings("\n");
        return new JinjaLexer(text.EndsWith('\n') ? text[..^1] : text).Read();
    }

    private List<JinjaToken> Read()
    {
        bool trimsStart = false;
        while (true)
        {
            int tag = FindTag(_at);
            AddOutput(tag, trimsStart);
            if (tag == source.Length)
            {
                _tokens.Add(new JinjaToken(JinjaTokenKind.End, "", _line));
                return _tokens;
            }

            trimsStart = ReadTag();
        }
    }

    private int FindTag(int from)
    {
        for (int i = source.IndexOf('{', from); i >= 0 && i + 1 < source.Length; i = source.IndexOf('{', i + 1))
        {
            if (source[i + 1] is '{' or '%' or '#')
            {
                return i;
            }
        }

        return source.Length;
    }

    private void AddOutput(int end, bool trimsStart)
    {
        string output = source[_at..end];
        CountLines(output);
        _at = end;
        if (trimsStart)
        {
            output = output.TrimStart();
        }

        char sign = end + 2 < source.Length ? source[end + 2] : '\0';
        if (end < source.Length && sign == '-')
        {
            output = output.TrimEnd();
        }
        else if (end < source.Length && sign != '+' && source[end + 1] != '{')
        {
            output = WithoutIndent(output, end);
        }

        if (output.Length > 0)
        {
            _tokens.Add(new JinjaToken(JinjaTokenKind.Output, output, _line));
        }
    }

    /// <summary>Drops the blanks between the start of a line and a block.</summary>
    private string WithoutIndent(string output, int tag)
    {
        string kept = output.TrimEnd(' ', '\t');
        bool startsLine = kept.Length > 0 ? kept[^1] == '\n' : tag == output.Length || source[tag - output.Length - 1] == '\n';
        return startsLine ? kept : output;
    }

    /// <returns>Whether white space after the tag goes.</returns>
    private bool ReadTag()
    {
        char kind = source[_at + 1];
        if (kind == '#')
        {
            return SkipComment();
        }

        bool isStatement = kind == '%';
        _tokens.Add(new JinjaToken(isStatement ? JinjaTokenKind.StatementStart : JinjaTokenKind.ExpressionStart, "", _line));
        _at += 2;
        if (_at < source.Length && source[_at] is '-' or '+')
        {
            _at++;
        }

        return ReadInside(isStatement ? '%' : '}', isStatement);
    }

    private bool SkipComment()
    {
        int end = source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
        {
            throw JinjaException.At(_line, "a comment does not end.");
        }

        CountLines(source[_at..end]);
        bool trims = source[end - 1] == '-';
        _at = end + 2;
        SkipLineFeed(!trims);
        return trims;
    }

    private bool ReadInside(char end, bool isStatement)
    {
        int open = 0;
        while (true)
        {
            SkipSpaces();
            if (_at >= source.Length)
            {
                throw JinjaException.At(_line, "a tag does not end.");
            }

            bool isSigned = source[_at] is '-' or '+' && At(_at + 1) == end && At(_at + 2) == '}';
            if (open == 0 && (isSigned || (source[_at] == end && At(_at + 1) == '}')))
            {
                bool trims = isSigned && source[_at] == '-';
                _at += isSigned ? 3 : 2;
                _tokens.Add(new JinjaToken(isStatement ? JinjaTokenKind.StatementEnd : JinjaTokenKind.ExpressionEnd, "", _line));
                SkipLineFeed(isStatement && !isSigned);
                return trims;
            }

            JinjaToken token = ReadToken();
            open += token.Kind != JinjaTokenKind.Operator ? 0 : token.Text is "(" or "[" or "{" ? 1 : token.Text is ")" or "]" or "}" ? -1 : 0;
            _tokens.Add(token);
        }
    }

    private JinjaToken ReadToken()
    {
        char first = source[_at];
        if (first is '"' or '\'')
        {
            return ReadText(first);
        }

        if (char.IsAsciiDigit(first))
        {
            return ReadNumber();
        }

        if (char.IsLetter(first) || first == '_')
        {
            int start = _at;
            while (char.IsLetterOrDigit(At(_at)) || At(_at) == '_')
            {
                _at++;
            }

            return new JinjaToken(JinjaTokenKind.Name, source[start.._at], _line);
        }

        string? known = Operators.FirstOrDefault(text => string.CompareOrdinal(source, _at, text, 0, text.Length) == 0);
        _at += known?.Length ?? 0;
        return known is null
            ? throw JinjaException.At(_line, $"the character '{first}' is not understood.")
            : new JinjaToken(JinjaTokenKind.Operator, known, _line);
    }

    private JinjaToken ReadNumber()
    {
        int start = _at;
        while (char.IsAsciiDigit(At(_at)) || At(_at) == '_')
        {
            _at++;
        }

        bool isFloat = At(_at) == '.' && char.IsAsciiDigit(At(_at + 1));
        if (isFloat)
        {
            _at++;
            while (char.IsAsciiDigit(At(_at)))
            {
                _at++;
            }
        }

        string digits = source[start.._at].Replace("_", "", StringComparison.Ordinal);
        return new JinjaToken(isFloat ? JinjaTokenKind.Float : JinjaTokenKind.Integer, digits, _line);
    }

    private JinjaToken ReadText(char quote)
    {
        var text = new StringBuilder();
        for (_at++; At(_at) != quote; _at++)
        {
            if (_at >= source.Length)
            {
                throw JinjaException.At(_line, "a text does not end.");
            }

            _line += source[_at] == '\n' ? 1 : 0;
            text.Append(source[_at] == '\\' ? ReadEscape() : source[_at].ToString());
        }

        _at++;
        return new JinjaToken(JinjaTokenKind.Text, text.ToString(), _line);
    }

    private string ReadEscape()
    {
        _at++;
        switch (At(_at))
        {
            case 'n':
                return "\n";
            case 't':
                return "\t";
            case 'r':
                return "\r";
            case '\\' or '\'' or '"':
                return source[_at].ToString();
            case 'u' when _at + 4 < source.Length
                && ushort.TryParse(source.AsSpan(_at + 1, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ushort unit):
                _at += 4;
                return ((char)unit).ToString();
            default:
                return "\\" + At(_at); // as Python leaves an escape that it does not know
        }
    }

    private char At(int index) => index < source.Length ? source[index] : '\0';

    private void SkipSpaces()
    {
        for (; _at < source.Length && char.IsWhiteSpace(source[_at]); _at++)
        {
            _line += source[_at] == '\n' ? 1 : 0;
        }
    }

    private void SkipLineFeed(bool skips)
    {
        if (skips && At(_at) == '\n')
        {
            _at++;
            _line++;
        }
    }

    private void CountLines(string text) => _line += text.AsSpan().Count('\n');
}
